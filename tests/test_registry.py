"""The registry as a value: what each kind of plugin, right or wrong, makes of it."""

import itertools
import types

import pytest

from lok_core import (
    Backend,
    LokDeprecationWarning,
    PluginError,
    Profile,
    PromptTask,
    Renderer,
    Reply,
    Rule,
    Task,
    UnknownNameError,
    hookimpl,
    hookspecs,
)
from lok_core.lok import installed, tasks_of, troubles
from lok_core.registry import Plugin, Registry
from lok_core.testing import load_plugin


def backend(kind):
    async def query(self, request, run):
        return Reply("")

    return type("Made", (Backend,), {"kind": kind, "query": query})


def task(name):
    async def run(self, job):
        pass

    return type("Made", (Task,), {"name": name, "description": f"what {name} does", "run": run})


def module(**members):
    made = types.ModuleType("made")
    vars(made).update(members)
    return made


def offers(hook, *classes):
    """A module whose hook of that name gives back those classes."""
    return module(**{hook: hookimpl(lambda: list(classes))})


def gives(result, hook="lok_register_backends"):
    """A module whose hook gives back anything."""
    return module(**{hook: hookimpl(lambda: result)})


def plugin(distribution, loads, entry="plugin"):
    """A plugin whose entry point loads that module, or raises that exception."""

    def load():
        if isinstance(loads, BaseException):
            raise loads
        return loads

    return Plugin(distribution, "1.2", entry, load)


def registry(*plugins):
    made = Registry()
    for one in plugins:
        made.add(one)
    return made


def raising():
    raise RuntimeError("the hook broke")


def leaving():
    raise SystemExit("not today")


class Unready(Backend):
    kind = "unready"


WORKS = plugin("lok-backend-works", offers("lok_register_backends", backend("works")))
WRONG = {
    "raises on import": (ImportError("no module named 'gone'"), "ImportError: no module named 'gone'"),
    "raises in its hook": (
        module(lok_register_backends=hookimpl(raising)),
        "RuntimeError: the hook broke",
    ),
    "exits on import": (SystemExit("needs a newer Python"), "SystemExit: needs a newer Python"),
    "exits in its hook": (module(lok_register_backends=hookimpl(leaving)), "SystemExit: not today"),
    "hook gives nothing": (gives(None), "lok_register_backends must return a list of classes, not NoneType"),
    "message of several lines": (ImportError("first\n\n  second"), "ImportError: first second"),
    "hook gives a class": (
        gives(backend("bare")),
        "lok_register_backends must return a list of classes, not ABCMeta",
    ),
    "hook gives a text": (gives("codex"), "lok_register_backends must return a list of classes, not str"),
    "hook gives a generator": (gives(iter([])), "must return a list of classes, not list_iterator"),
    "hook gives an instance": (
        gives([backend("bare")("bare", None)]),
        "which is no subclass of Backend",
    ),
    "hook gives another interface": (gives([task("bare")]), "which is no subclass of Backend"),
    "hook gives the interface itself": (gives([Backend]), "Backend lacks query"),
    "hook takes an argument": (
        module(lok_register_backends=hookimpl(lambda settings: [])),
        "PluginValidationError",
    ),
    "misspelt hook": (
        offers("lok_register_backend", backend("bare")),
        "no hook is named lok_register_backend; there are lok_register_backends, lok_register_tasks",
    ),
    "missing @hookimpl": (
        module(lok_register_backends=lambda: [backend("bare")]),
        "lok_register_backends is not marked with @hookimpl",
    ),
    "misspelt and unmarked": (
        module(lok_register_backend=lambda: [backend("bare")]),
        "lok_register_backend is not marked with @hookimpl",
    ),
    "abstract class": (gives([Unready]), "Unready lacks query"),
    "no name": (gives([type("Nameless", (backend("x"),), {"kind": ""})]), "Nameless.kind is '', not a name"),
    "a name of two words": (gives([backend("two words")]), "Made.kind is 'two words', not a name"),
    "a name like an option": (gives([backend("-b")]), "Made.kind is '-b', not a name"),
    "a name with control characters": (gives([backend("a\x1b[31m")]), "not a name"),
    "a name that is none": (gives([backend(7)]), "Made.kind is 7, not a name"),
    "a name with another meaning": (gives([backend("all")]), "Made.kind is 'all', which is reserved"),
    "profile of another type": (
        gives([type("Bare", (backend("bare"),), {"profile": {"is_llm": True}})]),
        "Bare.profile is no Profile",
    ),
    "a profile with a text for a tuple": (
        gives([type("Bare", (backend("bare"),), {"profile": Profile(secrets="KEY")})]),
        "Bare.profile.secrets is no tuple",
    ),
    "no description": (
        offers("lok_register_tasks", type("Bare", (PromptTask,), {"name": "bare"})),
        "Bare.description is no text",
    ),
    "description that is no text": (
        offers("lok_register_tasks", type("Bare", (task("bare"),), {"description": 7})),
        "Bare.description is no text",
    ),
    "prompts that are texts": (
        offers("lok_register_tasks", type("Bare", (task("bare"),), {"prompts": ("what is wrong?",)})),
        "Bare.prompts is no tuple of Prompt",
    ),
    "one text for prompts": (
        offers("lok_register_tasks", type("Bare", (task("bare"),), {"prompts": "what is wrong?"})),
        "Bare.prompts is no tuple of Prompt",
    ),
}


class TestWrongPlugins:
    @pytest.mark.parametrize(("loads", "reason"), WRONG.values(), ids=WRONG)
    def test_it_alone_is_disabled(self, loads, reason):
        made = registry(plugin("lok-backend-wrong", loads), WORKS)
        assert made.names(Backend) == ["works"]
        assert made.plugins == [WORKS]
        (broken,) = made.broken
        assert broken.plugin.distribution == "lok-backend-wrong"
        assert reason in broken.reason
        assert broken.traceback.startswith("Traceback")

    @pytest.mark.parametrize(("loads", "reason"), WRONG.values(), ids=WRONG)
    def test_message_names_the_distribution_and_the_way_out(self, loads, reason):
        (line,) = troubles(registry(WORKS, plugin("lok-backend-wrong", loads)))
        assert "\n" not in line
        assert line.startswith("plugin lok-backend-wrong is disabled: ")
        assert reason in line
        assert "LOK_DISABLE_PLUGINS=lok-backend-wrong" in line

    def test_wrong_class_among_right_ones_disables_all_of_its_plugin(self):
        made = registry(plugin("lok-backend-half", gives([Unready, backend("right")])), WORKS)
        assert made.names(Backend) == ["works"]

    @pytest.mark.parametrize(
        "order", [(Backend, Task), (Task, Backend)], ids=["backends first", "tasks first"]
    )
    def test_one_hook_that_raises_takes_the_others_along(self, order):
        half = module(
            lok_register_backends=hookimpl(lambda: [backend("right")]), lok_register_tasks=hookimpl(raising)
        )
        made = registry(plugin("lok-half", half), WORKS)
        assert {interface: made.names(interface) for interface in order} == {Backend: ["works"], Task: []}

    def test_ctrl_c_while_it_is_imported_passes(self):
        with pytest.raises(KeyboardInterrupt):
            registry(plugin("lok-backend-slow", KeyboardInterrupt()))

    def test_it_is_asked_once(self):
        asked = []

        def hook():
            asked.append(1)
            raise RuntimeError

        made = registry(plugin("lok-backend-wrong", module(lok_register_backends=hookimpl(hook))))
        for _ in range(2):
            made.names(Backend)
            made.duplicates()
        assert (len(asked), len(made.broken)) == (1, 1)

    def test_other_entry_of_its_distribution_works(self):
        made = registry(
            plugin("lok-both", ImportError("gone"), "broken"),
            plugin("lok-both", offers("lok_register_tasks", task("fine")), "fine"),
        )
        assert made.names(Task) == ["fine"]
        assert [broken.plugin.label for broken in made.broken] == ["lok-both:broken"]


class TestTwoOfOneName:
    @pytest.fixture
    def twins(self):
        return [
            plugin("lok-backend-abel", offers("lok_register_backends", backend("twin"))),
            plugin("lok-backend-cain", offers("lok_register_backends", backend("twin"), backend("own"))),
            WORKS,
        ]

    def test_neither_is_chosen(self, twins):
        made = registry(*twins)
        assert set(made.all(Backend)) == {"own", "works"}
        assert made.names(Backend) == ["own", "twin", "works"]
        assert made.broken == []

    def test_asking_for_it_names_both_and_the_way_out(self, twins):
        with pytest.raises(PluginError) as caught:
            registry(*twins).get(Backend, "twin")
        assert (
            caught.value.message == "the backend 'twin' is offered by lok-backend-abel and lok-backend-cain"
        )
        assert "LOK_DISABLE_PLUGINS=lok-backend-cain" in caught.value.hint
        assert caught.value.exit_code == 2

    def test_trouble_is_told_in_one_line(self, twins):
        (line,) = troubles(registry(*twins))
        assert all(
            word in line for word in ("'twin'", "lok-backend-abel", "lok-backend-cain", "LOK_DISABLE_PLUGINS")
        )

    def test_third_claim_is_named_too(self, twins):
        third = plugin("lok-backend-seth", offers("lok_register_backends", backend("twin")))
        (line,) = registry(*twins, third).duplicates()
        assert "offered by lok-backend-abel and lok-backend-cain and lok-backend-seth;" in line

    @pytest.mark.parametrize("distribution", ["lok-a", "lok-z"])
    def test_a_name_of_lok_itself_stays_its_own(self, distribution):
        own, other = backend("twin"), backend("twin")
        claims = {"lok-core": own, distribution: other}
        made = registry(
            *(plugin(one, offers("lok_register_backends", claims[one])) for one in sorted(claims))
        )
        assert made.get(Backend, "twin") is made.all(Backend)["twin"] is own
        assert made.owner(Backend, "twin").distribution == "lok-core"

    @pytest.mark.parametrize("distribution", ["lok-a", "lok-z"])
    def test_way_out_never_disables_lok_itself(self, distribution):
        names = sorted(["lok-core", distribution])
        made = registry(*(plugin(one, offers("lok_register_backends", backend("twin"))) for one in names))
        (line,) = made.duplicates()
        assert line.endswith(f"lok's own is used; LOK_DISABLE_PLUGINS={distribution} silences this")

    def test_one_name_for_two_interfaces_is_no_clash(self):
        made = registry(WORKS, plugin("lok-task-works", offers("lok_register_tasks", task("works"))))
        assert made.duplicates() == []
        assert (made.names(Backend), made.names(Task)) == (["works"], ["works"])

    def test_task_stays_in_the_list(self):
        made = registry(*(plugin(f"lok-{n}", offers("lok_register_tasks", task("twin"))) for n in "ab"))
        assert tasks_of(made) == {"twin": "offered by two plugins"}


@pytest.mark.slow
def test_order_of_plugins_changes_nothing():
    plugins = [
        WORKS,
        plugin("lok-backend-abel", offers("lok_register_backends", backend("twin"))),
        plugin("lok-backend-cain", offers("lok_register_backends", backend("twin"))),
        plugin("lok-backend-wrong", WRONG["raises in its hook"][0]),
        plugin("lok-task-wrong", WRONG["misspelt hook"][0]),
    ]
    seen = set()
    for order in itertools.permutations(plugins):
        made = registry(*order)
        offered = tuple((interface, *made.names(interface)) for interface in (Backend, Task, Rule, Renderer))
        found = tuple(sorted(made.all(Backend)))
        seen.add((offered, found, frozenset((one.plugin.label, one.reason) for one in made.broken)))
    assert len(seen) == 1


class TestWhatIsOffered:
    def test_each_plugin_is_told_apart(self):
        many = plugin(
            "lok-many",
            module(
                lok_register_tasks=hookimpl(lambda: (task("b"), task("a"))),
                lok_register_backends=hookimpl(lambda: [backend("c")]),
            ),
        )
        made = registry(WORKS, many)
        assert made.offered_by(many) == [(Backend, "c"), (Task, "a"), (Task, "b")]
        assert made.offered_by(WORKS) == [(Backend, "works")]

    def test_plugin_may_offer_nothing(self):
        made = registry(plugin("lok-none", gives([])))
        assert (made.names(Backend), made.broken) == ([], [])

    def test_plugin_without_hooks_and_tasks_is_broken(self):
        (broken,) = registry(plugin("lok-empty", module())).broken
        assert broken.reason == "it offers nothing: no hook and no tasks.toml in the package made"

    def test_entry_point_may_be_an_object(self):
        class Plug:
            @hookimpl
            def lok_register_tasks(self):
                return [task("made")]

        assert registry(plugin("lok-task-object", Plug())).names(Task) == ["made"]

    def test_class_is_the_one_offered(self):
        offered = backend("mine")
        assert (
            registry(plugin("lok-a", offers("lok_register_backends", offered))).get(Backend, "mine")
            is offered
        )

    @pytest.mark.parametrize(
        ("name", "hint"), [("work", "did you mean 'works'?"), ("zzz", "installed backends: works")]
    )
    def test_unknown_name_gets_a_hint(self, name, hint):
        with pytest.raises(UnknownNameError) as caught:
            registry(WORKS).get(Backend, name)
        assert (caught.value.message, caught.value.hint) == (f"no backend named {name!r}", hint)

    def test_plugin_may_be_added_after_others_were_asked(self):
        made = registry(WORKS)
        assert made.names(Backend) == ["works"]
        made.add(plugin("lok-late", offers("lok_register_backends", backend("late"))))
        assert made.names(Backend) == ["late", "works"]


class TestLoadPlugin:
    def test_it_gives_what_the_plugin_offers(self):
        offered = [backend("b"), backend("a")]
        assert load_plugin(offers("lok_register_backends", *offered)) == [offered[1], offered[0]]

    @pytest.mark.parametrize("what", ["raises in its hook", "misspelt hook", "abstract class"])
    def test_what_lok_would_disable_is_an_error_that_says_why(self, what):
        loads, reason = WRONG[what]
        with pytest.raises(PluginError) as caught:
            load_plugin(loads)
        assert reason in caught.value.message


def test_hook_that_goes_away_is_told_of_the_plugin_that_implements_it(monkeypatch):
    told = LokDeprecationWarning("lok_register_rules goes away")
    monkeypatch.setitem(hookspecs.lok_register_rules.lok_spec, "warn_on_impl", told)
    made = registry(WORKS, plugin("lok-rule-old", offers("lok_register_rules")))
    assert made.deprecated == {"lok-rule-old:plugin": ["lok_register_rules goes away"]}
    assert made.broken == []


class TestInstalled:
    def test_lok_itself_is_a_plugin_like_any_other(self):
        made = Registry.installed()
        (own,) = [one for one in made.plugins if one.distribution == "lok-core"]
        assert set(made.offered_by(own)) >= {(Renderer, "text"), (Renderer, "json"), (Rule, "strengths")}

    @pytest.mark.parametrize("name", ["lok-backend-echo", "lok_backend_echo", "Lok.Backend-Echo"])
    def test_disabled_is_not_loaded(self, name):
        made = Registry.installed(disabled={name})
        assert "echo" in Registry.installed().names(Backend)
        assert "echo" not in made.names(Backend)
        assert [one.label for one in made.disabled] == ["lok-backend-echo:echo"]
        assert troubles(made) == []

    @pytest.mark.parametrize("separator", [",", ", ", " "])
    def test_environment_disables_several(self, separator):
        names = ["lok-backend-echo", "lok-task-hunt"]
        made = installed({"LOK_DISABLE_PLUGINS": separator.join(names)})
        assert [one.distribution for one in made.disabled] == names

    def test_plugins_are_loaded_in_the_order_of_their_labels(self):
        labels = [one.label for one in Registry.installed().plugins]
        assert labels == sorted(labels)
        assert len(labels) >= 5

    def test_files_of_plugins_are_known(self):
        assert any(file.endswith("lok_backend_echo.py") for file in Registry.installed().files())
