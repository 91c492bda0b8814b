"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  const theme = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showTheme = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  system.addEventListener("change", showTheme);
  showTheme();
  theme.hidden = false;

  const toolbar = byId("toolbar");
  if (!toolbar) return;
  const articles = [...document.querySelectorAll("article")];
  const rows = [...document.querySelectorAll("#matrix tbody tr")];
  const buttons = [...document.querySelectorAll("button[data-facet]")];
  const search = byId("search");
  const more = byId("more");
  const clear = byId("clear");
  const texts = [];

  const isPressed = (button) => button.getAttribute("aria-pressed") === "true";
  const press = (button, on) => button.setAttribute("aria-pressed", String(on));

  // Values of one facet add to each other; facets narrow each other down.
  const chosen = () => {
    const facets = new Map();
    for (const { dataset } of buttons.filter(isPressed)) {
      facets.set(dataset.facet, [...(facets.get(dataset.facet) ?? []), dataset.value]);
    }
    return [...facets];
  };

  const apply = () => {
    const facets = chosen();
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    // Who asks for a state, such as known, wants to see what has it.
    const unfolded = isPressed(more) || facets.some(([facet]) => facet === "state");
    const folded = { lead: 0, aside: 0 };
    let shown = 0;
    articles.forEach((article, index) => {
      if (words.length) texts[index] ??= article.textContent.toLowerCase();
      const fits =
        facets.every(([facet, values]) => article.dataset[facet].split(" ").some((one) => values.includes(one))) &&
        words.every((word) => texts[index].includes(word));
      const reason = article.dataset.folded;
      const visible = fits && (!reason || unfolded);
      if (fits && reason) folded[reason] += 1;
      if (visible) shown += 1;
      article.hidden = rows[index].hidden = !visible;
    });
    byId("status").textContent = `${shown.toLocaleString("en")} of ${articles.length.toLocaleString("en")} shown`;
    const kinds = [
      folded.lead && `${folded.lead} more ${folded.lead === 1 ? "lead" : "leads"}`,
      folded.aside && `${folded.aside} known or suppressed`,
    ].filter(Boolean);
    more.hidden = kinds.length === 0 || (unfolded && !isPressed(more));
    more.textContent = `Show ${kinds.join(", ")}`;
    clear.hidden = facets.length + words.length === 0;
  };

  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => {
      press(button, !isPressed(button));
      apply();
    });
  }
  more.addEventListener("click", () => {
    press(more, !isPressed(more));
    apply();
  });
  clear.addEventListener("click", () => {
    buttons.forEach((button) => press(button, false));
    search.value = "";
    apply();
    search.focus();
  });
  search.addEventListener("input", apply);

  // A link to a finding that is not shown now shows it.
  const reveal = () => {
    const target = byId(location.hash.slice(1));
    if (!target?.hidden) return;
    buttons.forEach((button) => press(button, false));
    search.value = "";
    press(more, true);
    apply();
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);

  byId("filters").open = !matchMedia("(max-width: 40rem)").matches;
  byId("filters").hidden = toolbar.hidden = false;
  apply();
  reveal();
})();
