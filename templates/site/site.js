(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // A remembered choice beats the system's. Storage can be closed to pages opened from a disk.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("muse-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("muse-theme", theme); } catch { /* not kept */ } };
  const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  if (remembered() === "dark" || remembered() === "light") root.dataset.theme = remembered();

  const OPEN_AFTER_MS = 110;
  const CLOSE_AFTER_MS = 220;
  const GAP = 10;
  const narrow = matchMedia("(max-width: 640px)");

  let card, body, backdrop, current = null, isPinned = false, timer = 0;

  function startTheme() {
    const button = document.querySelector(".theme");
    const show = () => button.setAttribute("aria-pressed", String(theme() === "dark"));
    button.addEventListener("click", () => {
      root.dataset.theme = theme() === "dark" ? "light" : "dark";
      remember(root.dataset.theme);
      show();
    });
    dark.addEventListener("change", show);
    show();
  }

  function element(tag, className, attributes = {}) {
    const made = document.createElement(tag);
    made.className = className;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* older way below */ }
    const field = element("textarea", "offscreen");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }

  function addCopyButtons(within) {
    for (const code of within.querySelectorAll("[data-copy]")) {
      if (code.nextElementSibling?.classList.contains("copy")) continue;
      const button = element("button", "copy", { type: "button", "aria-label": `Copy ${code.textContent}` });
      button.textContent = "Copy";
      code.after(" ", button);
    }
  }

  async function onCopy(button) {
    const text = button.previousElementSibling.dataset.copy;
    button.textContent = (await copy(text)) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1400);
  }

  function makeCard() {
    card = element("div", "card", { role: "dialog", "aria-labelledby": "card-title", tabindex: "-1" });
    card.hidden = true;
    body = element("div", "card-body");
    const close = element("button", "card-close", { type: "button", "aria-label": "Close" });
    close.textContent = "\u00d7";
    close.addEventListener("click", () => hide(true));
    card.append(body, close);
    backdrop = element("div", "backdrop");
    backdrop.hidden = true;
    backdrop.addEventListener("click", () => hide(true));
    document.body.append(backdrop, card);
  }

  function fill(claim) {
    const source = document.getElementById(`source-${claim.dataset.source}`).cloneNode(true);
    for (const withId of source.querySelectorAll("[id]")) withId.removeAttribute("id");
    for (const details of source.querySelectorAll("details")) details.open = true;
    for (const old of source.querySelectorAll(".copy")) old.remove();
    source.querySelector("h3").id = "card-title";
    body.replaceChildren(...source.childNodes);
    addCopyButtons(body);
    body.scrollTop = 0;
  }

  // In the document, not in the window: the card scrolls with its number.
  function place(claim) {
    card.style.cssText = "";
    if (narrow.matches) return;
    // A long name can stand on several lines.
    const lines = claim.getClientRects();
    const at = { left: lines[0].left, top: lines[0].top, bottom: lines[lines.length - 1].bottom };
    const width = root.clientWidth;
    const left = Math.max(12, Math.min(at.left - 24, width - card.offsetWidth - 12));
    const below = innerHeight - at.bottom - GAP - 12;
    const above = at.top - GAP - 12;
    const goesBelow = below >= Math.min(card.scrollHeight, 400) || below >= above;
    card.style.maxHeight = `${Math.max(220, Math.min(goesBelow ? below : above, 640))}px`;
    const top = goesBelow ? at.bottom + GAP : at.top - GAP - card.offsetHeight;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${top + scrollY}px`;
  }

  function show(claim, pin) {
    clearTimeout(timer);
    if (current !== claim) {
      current?.setAttribute("aria-expanded", "false");
      fill(claim);
    }
    current = claim;
    isPinned = pin;
    claim.setAttribute("aria-expanded", "true");
    card.hidden = false;
    card.classList.toggle("pinned", pin);
    card.setAttribute("aria-modal", String(pin && narrow.matches));
    backdrop.hidden = !(pin && narrow.matches);
    place(claim);
    if (pin) card.focus({ preventScroll: true });
  }

  function hide(returnFocus) {
    clearTimeout(timer);
    if (!current) return;
    const claim = current;
    const hadFocus = card.contains(document.activeElement);
    current = null;
    isPinned = false;
    card.hidden = true;
    backdrop.hidden = true;
    claim.setAttribute("aria-expanded", "false");
    if (returnFocus && hadFocus) focusQuietly(claim);
  }

  let isQuiet = false;
  function focusQuietly(claim) {
    isQuiet = true;
    claim.focus({ preventScroll: true });
    isQuiet = false;
  }

  function later(action, delay) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  const claimOf = (event) => event.target.closest?.(".claim[data-source]");

  function onPointerOver(event) {
    if (event.pointerType === "touch" || isPinned || narrow.matches) return;
    const claim = claimOf(event);
    if (claim && hasSource(claim)) later(() => show(claim, false), current ? 0 : OPEN_AFTER_MS);
    else if (card.contains(event.target)) clearTimeout(timer);
    else if (current) later(() => hide(false), CLOSE_AFTER_MS);
    else clearTimeout(timer);
  }

  function onFocusIn(event) {
    const claim = claimOf(event);
    if (claim && hasSource(claim)) {
      if (!isQuiet && !narrow.matches && claim.matches(":focus-visible")) show(claim, false);
    } else if (current && !card.contains(event.target)) hide(false);
  }

  function onClick(event) {
    const button = event.target.closest?.(".copy");
    if (button) return void onCopy(button);
    const claim = claimOf(event);
    if (claim && hasSource(claim) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (isPinned && current === claim) hide(true);
      else show(claim, true);
    } else if (event.target.closest?.(".card a[href^='#']")) hide(false);
    else if (current && !card.contains(event.target)) hide(false);
  }

  function onKeyDown(event) {
    if (event.key === "Escape") return hide(true);
    const claim = claimOf(event);
    if (claim && event.key === " ") {
      event.preventDefault();
      show(claim, true);
    } else if (event.key === "Tab" && current && card.contains(event.target)) leaveCard(event);
  }

  // The card stands at the end of the document, but for the keyboard it follows its number.
  function leaveCard(event) {
    const stops = [...card.querySelectorAll("a[href], button, [tabindex='0'], summary")].filter((stop) => stop.offsetParent);
    const isFirst = event.target === card || event.target === stops[0];
    if (event.shiftKey && isFirst) {
      event.preventDefault();
      hide(true);
    } else if (!event.shiftKey && event.target === stops.at(-1)) hide(true);
  }

  const hasSource = (claim) => Boolean(document.getElementById(`source-${claim.dataset.source}`));

  function startClaims() {
    makeCard();
    addCopyButtons(document);
    for (const claim of document.querySelectorAll(".claim[data-source]")) {
      if (!hasSource(claim)) continue;
      claim.setAttribute("role", "button");
      claim.setAttribute("aria-haspopup", "dialog");
      claim.setAttribute("aria-expanded", "false");
    }
    document.addEventListener("pointerover", onPointerOver);
    document.addEventListener("focusin", onFocusIn);
    document.addEventListener("click", onClick);
    document.addEventListener("keydown", onKeyDown);
    addEventListener("resize", () => { if (current) place(current); });
  }

  // A link to a source opens its rows; so does the way back from a printed page.
  function openTarget() {
    const source = location.hash.startsWith("#source-") && document.getElementById(location.hash.slice(1));
    if (source) source.querySelector("details").open = true;
  }

  document.addEventListener("DOMContentLoaded", () => {
    startTheme();
    startClaims();
    openTarget();
    addEventListener("hashchange", openTarget);
  });
})();
