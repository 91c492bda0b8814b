"""The page as a browser shows it: without requests or errors, by keyboard, dark and light, narrow, in print.

Needs Chromium and its driver (Debian: `chromium chromium-driver`) and the Python package `selenium`.
"""

import base64
import json
import shutil
from collections import Counter

import pytest
from attrs import evolve
from lok_render_html import HtmlRenderer

from lok_core import Location, Source, View
from lok_core.testing import sample_reports

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no Chromium with its driver"),
]

SAMPLES = sample_reports()
CANARY = (
    "<script>window.canary = 1</script><img src=x onerror='window.canary = 2'>"
    "<svg onload='window.canary = 3'></svg><iframe srcdoc='<script>parent.canary = 4</script>'></iframe>"
    "\"><a href='javascript:window.canary = 5'>"
)
WORDS_ARE_SHOWN = "return [...document.querySelectorAll('.sources')].every((one) => one.checkVisibility())"
LONGEST_WAY = 60
"""Tab stops within which everything above the table must be reached."""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    # No sandbox: CI runs as root, for whom there is none. The pages come from here.
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """The browser with nothing emulated and no page open."""
    chromium.get("about:blank")
    window(chromium, 1280)
    media(chromium)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.get_log("browser")
    chromium.get_log("performance")
    return chromium


@pytest.fixture
def show(browser, tmp_path):
    """Opens the page of a report, or of one that was changed: `show(report)`, `show(source="...")`."""

    def show(report=None, *, source=None, **view):
        file = tmp_path / "report.html"
        file.write_text(source or page(report, **view), encoding="utf-8")
        browser.get(file.as_uri())
        return browser

    return show


def page(report, **view):
    return "".join(HtmlRenderer().render(report, View(**view)))


def window(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def media(browser, scheme="light", kind="screen"):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": [feature]})


def press(browser, *keys):
    ActionChains(browser).send_keys(*keys).perform()


def focused(browser):
    return browser.switch_to.active_element


def tab_to(browser, wanted):
    """Goes on by Tab until the focus is on what matches the selector."""
    for _ in range(LONGEST_WAY):
        press(browser, Keys.TAB)
        if focused(browser) in browser.find_elements(By.CSS_SELECTOR, wanted):
            return focused(browser)
    raise AssertionError(f"{wanted} is not reached by the keyboard")


def shown(browser):
    """The numbers of the findings that are shown, the same in the list and in the table."""
    listed = browser.execute_script(
        "return [...document.querySelectorAll('article')].filter(a => !a.hidden).map(a => a.id.slice(1))"
    )
    in_table = browser.execute_script(
        "return [...document.querySelectorAll('#matrix tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.querySelector('td').textContent)"
    )
    assert listed == in_table
    return [int(number) for number in listed]


def status(browser):
    return browser.find_element(By.ID, "status").text


def screenshot(browser):
    return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", {})["data"])


class TestLoading:
    @pytest.mark.parametrize("name", SAMPLES)
    def test_page_asks_for_nothing_and_complains_about_nothing(self, show, name):
        browser = show(SAMPLES[name], answers=True)
        events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        }
        assert asked == {browser.current_url}
        assert browser.get_log("browser") == []

    def test_no_word_of_a_model_runs_or_becomes_an_element(self, show):
        made = SAMPLES["panel"]
        told = Source(CANARY, CANARY, CANARY, CANARY, "high", "errors", CANARY, CANARY, quote=CANARY)
        hostile = evolve(
            made.findings[0],
            title=CANARY,
            explanation=CANARY,
            quote=CANARY,
            locations=(Location(CANARY, 1),),
            sources=(told,),
            fingerprint=CANARY,
            suppressed=CANARY,
        )
        browser = show(evolve(made, command=CANARY, findings=(hostile,), notes=(CANARY,), baseline=CANARY))
        assert browser.execute_script("return window.canary") is None
        counted = (
            "return document.querySelectorAll('img, svg, iframe, main script, a:not([href^=\"#\"])').length"
        )
        assert browser.execute_script(counted) == 0
        assert "window.canary = 1" in browser.find_element(By.TAG_NAME, "h3").get_property("textContent")

    def test_what_would_get_through_is_stopped_by_the_policy(self, show):
        browser = show(source=page(SAMPLES["panel"]).replace("</main>", f"{CANARY}</main>"))
        assert browser.find_elements(By.TAG_NAME, "img")
        assert browser.execute_script("return window.canary") is None
        assert "Content Security Policy" in str(browser.get_log("browser"))


class TestKeyboard:
    def test_skip_link_is_first_and_leads_to_the_result(self, show):
        browser = show(SAMPLES["values"])
        press(browser, Keys.TAB)
        assert focused(browser).text == "Skip to the result"
        press(browser, Keys.ENTER)
        assert focused(browser).get_attribute("id") == "result"

    def test_a_severity_is_chosen_and_left_again(self, show):
        browser = show(SAMPLES["values"])
        button = tab_to(browser, "[data-facet=severity][data-value=critical]")
        assert browser.execute_script("return arguments[0].matches(':focus-visible')", button)
        press(browser, Keys.SPACE)
        assert button.get_attribute("aria-pressed") == "true"
        assert shown(browser) == [1]
        assert status(browser) == "1 of 35 shown"
        press(browser, Keys.ENTER)
        assert button.get_attribute("aria-pressed") == "false"
        assert len(shown(browser)) == 35

    def test_words_on_a_chosen_button_are_of_its_color(self, show):
        browser = show(SAMPLES["values"])
        colors = """return [...document.querySelectorAll('[data-facet]')].map((button) => {
          button.click();
          return new Set([button, ...button.children].map((one) => getComputedStyle(one).color)).size;
        })"""
        assert set(browser.execute_script(colors)) == {1}

    def test_values_of_one_kind_add_up_and_kinds_narrow_down(self, show):
        browser = show(SAMPLES["values"])
        tab_to(browser, "[data-value=critical]")
        press(browser, Keys.SPACE, Keys.TAB, Keys.SPACE)
        assert shown(browser) == [1, 2]
        tab_to(browser, "[data-facet=category][data-value=auth]")
        press(browser, Keys.SPACE)
        assert shown(browser) == []
        assert status(browser) == "0 of 35 shown"

    @pytest.mark.parametrize(
        ("facet", "value", "numbers"),
        [("backend", "3", [2]), ("evidence", "moved", [2]), ("backend", "0", [1, 2])],
    )
    def test_filters_by_backend_and_evidence(self, show, facet, value, numbers):
        browser = show(SAMPLES["panel"])
        tab_to(browser, f"[data-facet={facet}][data-value='{value}']")
        press(browser, Keys.SPACE)
        assert shown(browser) == numbers

    def test_search_finds_words_anywhere_in_a_finding_and_escapes_by_clear(self, show):
        browser = show(SAMPLES["panel"])
        tab_to(browser, "#search")
        press(browser, "LIB/B.PY zerodivision")
        assert shown(browser) == [1, 2]
        press(browser, " all four")
        assert shown(browser) == [2]
        tab_to(browser, "#clear")
        press(browser, Keys.ENTER)
        assert len(shown(browser)) == 3
        assert focused(browser).get_attribute("id") == "search"

    def test_folded_leads_are_shown_on_demand(self, show):
        browser = show(SAMPLES["leads"])
        assert status(browser) == "10 of 18 shown"
        button = tab_to(browser, "#more")
        assert button.text == "Show 8 more leads"
        press(browser, Keys.SPACE)
        assert status(browser) == "18 of 18 shown"
        assert button.get_attribute("aria-pressed") == "true"

    def test_who_asks_for_the_known_sees_them(self, show):
        browser = show(SAMPLES["standing"])
        assert shown(browser) == [1, 6]
        assert browser.find_element(By.ID, "more").text == "Show 4 known or suppressed"
        tab_to(browser, "[data-facet=state][data-value=known]")
        press(browser, Keys.SPACE)
        assert shown(browser) == [2, 5]

    def test_a_link_of_the_table_leads_to_its_finding(self, show):
        browser = show(SAMPLES["many"])
        link = tab_to(browser, "#matrix a")
        press(browser, Keys.TAB, Keys.ENTER)
        assert browser.current_url.endswith("#f2")
        assert focused(browser) != link
        top = browser.execute_script("return document.getElementById('f2').getBoundingClientRect().top")
        assert 0 <= top < 200

    def test_a_link_to_a_folded_finding_shows_it(self, show):
        browser = show(SAMPLES["standing"])
        browser.execute_script("location.hash = 'f3'")
        tab_to(browser, "summary")  # a round trip, in which the browser tells the page
        assert 3 in shown(browser)

    def test_own_words_are_folded_out(self, show):
        browser = show(SAMPLES["panel"])
        browser.execute_script("document.querySelector('#f2').focus()")
        tab_to(browser, "#f2 summary")
        press(browser, Keys.ENTER)
        assert browser.find_element(By.CSS_SELECTOR, "#f2 .sources").is_displayed()
        assert "ZeroDivisionError possible" in browser.find_element(By.CSS_SELECTOR, "#f2 .sources").text


class TestLooks:
    def test_dark_and_light_differ_and_the_button_turns_them_around(self, show):
        browser = show(SAMPLES["panel"])
        light = screenshot(browser)
        button = tab_to(browser, "#theme")
        assert button.text == "Dark theme"
        press(browser, Keys.ENTER)
        assert button.text == "Light theme"
        by_button = background(browser)
        browser.refresh()
        media(browser, "dark")
        assert background(browser) == by_button != "rgb(252, 252, 251)"
        assert screenshot(browser) != light

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_words_stand_out_from_their_background(self, show, scheme):
        browser = show(SAMPLES["values"])
        media(browser, scheme)
        assert {name: ratio for name, ratio in contrasts(browser).items() if ratio < 4.5} == {}

    @pytest.mark.parametrize("name", SAMPLES)
    @pytest.mark.parametrize("width", [320, 400, 1280])
    def test_nothing_is_wider_than_the_window(self, show, name, width):
        browser = show(SAMPLES[name], answers=True)
        window(browser, width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width

    def test_many_backends_scroll_within_the_table(self, show):
        made = SAMPLES["panel"]
        told = tuple(evolve(made.findings[0].sources[0], backend=f"backend-{n}") for n in range(30))
        browser = show(evolve(made, findings=(evolve(made.findings[0], sources=told),) * 30))
        for width in (400, 1280):
            window(browser, width)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            cell = browser.find_element(By.CSS_SELECTOR, "#matrix td:last-child")
            browser.execute_script("arguments[0].scrollIntoView()", cell)
            assert cell.rect["width"] > 30
            assert cell.is_displayed()

    def test_table_stays_a_table_to_those_who_do_not_look_at_it(self, show):
        browser = show(SAMPLES["panel"])
        nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = Counter(node["role"]["value"] for node in nodes if not node["ignored"])
        # Of the findings and the header; the other table tells who took part.
        assert roles["table"] == 2
        assert roles["rowheader"] == 3 + 4
        assert roles["columnheader"] == 8 + 6
        assert roles["row"] == 4 + 5
        names = {node["name"]["value"] for node in nodes if node["role"]["value"] == "image"}
        assert {"reported it", "did not report it", "was not asked about this"} & names

    def test_print_shows_own_words_and_no_controls(self, show):
        browser = show(SAMPLES["panel"])
        media(browser, kind="print")
        controls = browser.find_elements(By.CSS_SELECTOR, "#search, #theme, #filters, #toolbar button")
        assert not any(control.is_displayed() for control in controls)
        assert status(browser) == "3 of 3 shown"
        assert browser.execute_script(WORDS_ARE_SHOWN)

    def test_everything_is_shown_without_javascript(self, show, browser):
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        show(SAMPLES["leads"])
        assert not browser.find_element(By.ID, "toolbar").is_displayed()
        assert not browser.find_element(By.ID, "theme").is_displayed()
        assert all(one.is_displayed() for one in browser.find_elements(By.TAG_NAME, "article"))
        assert browser.execute_script(WORDS_ARE_SHOWN)


def background(browser):
    return browser.execute_script("return getComputedStyle(document.body).backgroundColor")


def contrasts(browser):
    """The contrast of each colour of words against the page and against raised parts, as WCAG 2 counts it."""
    words = ("text", "muted", "accent", "critical", "high", "medium", "low", "info", "good", "bad")
    colors = browser.execute_script(
        """
        const probe = document.body.appendChild(document.createElement("i"));
        const read = (name) => {
          probe.className = name;
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`i { color: var(--${name}) }`);
          document.adoptedStyleSheets = [sheet];
          return getComputedStyle(probe).color.match(/\\d+/g).map(Number);
        };
        return Object.fromEntries(arguments[0].map((name) => [name, read(name)]));
        """,
        [*words, "page", "raised"],
    )
    light = {name: luminance(color) for name, color in colors.items()}
    return {
        f"{name} on {ground}": (max(light[name], light[ground]) + 0.05)
        / (min(light[name], light[ground]) + 0.05)
        for name in words
        for ground in ("page", "raised")
    }


def luminance(color):
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
