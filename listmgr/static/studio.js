// Small helps of the staff pages: light or dark, the menu on phones, copying, printing, one key.
// Everything else works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const order = ["auto", "light", "dark"];
  root.classList.add("with-script");

  const chosen = () => {
    try {
      return order.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto";
    } catch {
      return "auto"; // A browser that keeps nothing follows the system.
    }
  };

  const show = (theme) => {
    root.dataset.bsTheme = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
    document.querySelectorAll("[data-theme-name]").forEach((name) => {
      name.textContent = name.dataset[theme];
    });
  };

  const remember = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // It then counts for this page.
    }
    show(theme);
  };

  const copy = async (button) => {
    const field = document.getElementById(button.dataset.copies);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // Plain HTTP has no clipboard of its own.
    }
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 1500);
  };

  const toggle = (button) => {
    const open = document.getElementById(button.dataset.toggles).classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  };

  show(chosen());
  dark.addEventListener("change", () => show(chosen()));
  document.addEventListener("DOMContentLoaded", () => show(chosen()));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("themeSwitch" in button.dataset) remember(order[(order.indexOf(chosen()) + 1) % 3]);
    if ("copies" in button.dataset) copy(button);
    if ("toggles" in button.dataset) toggle(button);
    if ("prints" in button.dataset) window.print();
  });

  // What has to be put right is where one is brought.
  document.addEventListener("DOMContentLoaded", () => {
    const wrong = document.querySelector("main [aria-invalid=true]");
    if (wrong) wrong.focus();
  });

  // The keyboard stays where it was, and what has changed is read out when it is worth it.
  const renew = (part, newer) => {
    const places = (within) => [...within.querySelectorAll("a, button, summary")];
    const at = places(part).indexOf(document.activeElement);
    const spoken = document.getElementById(`${part.id}-told`);
    if (spoken && newer.dataset.told !== part.dataset.told) spoken.textContent = newer.dataset.told;
    part.replaceWith(newer);
    if (at >= 0 && places(newer)[at]) places(newer)[at].focus({ preventScroll: true });
  };

  // A list to tick people in: one box ticks the page, and who ticks means those ticked.
  document.addEventListener("change", (event) => {
    const list = event.target.closest("[data-ticking]");
    if (!list || event.target.type !== "checkbox") return;
    const boxes = [...list.querySelectorAll("input[name=id]")];
    const all = list.querySelector("[data-ticks-all]");
    if (event.target === all) boxes.forEach((box) => { box.checked = all.checked; });
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && !all.checked;
    const those = list.querySelector("[data-ticked]");
    those.textContent = ticked ? `${those.dataset.ticked} (${ticked})` : those.dataset.ticked;
    those.parentElement.value = ticked ? "ticked" : "found";
  });

  // A part of a page that says where to find its newer self is looked up while it says so.
  const refresh = async () => {
    const part = document.querySelector("[data-refresh]");
    if (!part) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.refresh);
        const newer = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
        if (newer && newer.dataset.status !== part.dataset.status) {
          window.location.reload(); // Other acts are possible now.
          return;
        }
        if (newer) renew(part, newer);
      } catch {
        // The next look may succeed.
      }
    }
    setTimeout(refresh, 1000);
  };
  document.addEventListener("DOMContentLoaded", refresh);

  // Rules that are built, and numbers of people, follow what is chosen without a new page.
  const sendBuilt = async (form, deed, parts) => {
    const told = new FormData(form);
    told.set("do", deed);
    const at = form.querySelector("[data-counted-at]");
    const answer = at
      ? await fetch(`${at.dataset.countedAt}?${new URLSearchParams(
        ["purpose_id", "audience_segment_id", "exclusion_segment_id"].map((name) => [name, told.get(name) || ""]),
      )}`)
      : await fetch(form.action, { method: "POST", body: told });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement && document.activeElement.id;
    parts.forEach((id) => {
      const [older, newer] = [document.getElementById(id), page.getElementById(id)];
      if (older && newer) older.replaceWith(newer);
    });
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
  };
  document.addEventListener("change", (event) => {
    const form = event.target.form && event.target.closest("form[data-counts]");
    if (!form || (!form.dataset.builds && event.target.tagName !== "SELECT")) return;
    const parts = "shapes" in event.target.dataset ? [form.dataset.builds, form.dataset.counts] : [form.dataset.counts];
    sendBuilt(form, "refresh", parts).catch(() => {}); // The page counts when it is saved.
  });
  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (!form.dataset.builds || !button || button.value === "save") return;
    event.preventDefault();
    sendBuilt(form, button.value, [form.dataset.builds, form.dataset.counts]).catch(() => form.submit());
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    const field = document.querySelector(`[data-focus-by="${CSS.escape(event.key)}"]`);
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
})();
