// Search, copying, printing. Without it every page can be read; nothing is fetched but the index beside this file.
"use strict";
const root = document.currentScript.dataset.root;
for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code); // a page from the disk may not write to the clipboard: copy by hand
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => closed.forEach((one) => (one.open = false)));

const box = document.getElementById("search");
const found = document.getElementById("found");
let loading = null;

function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}assets/index.js`;
    script.onload = () => resolve(window.siteIndex.map(([kind, title, place, words]) => ({ kind, title, place, heading: fold(title), text: fold(words) })));
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/_/g, " ");
}

// A word in the title counts more than one in the text, the beginning of a word more than its middle.
function score(entry, words) {
  let sum = 0;
  for (const word of words) {
    const inTitle = entry.heading.indexOf(word);
    if (inTitle >= 0) sum += inTitle === 0 || !/[\p{L}\p{N}]/u.test(entry.heading[inTitle - 1]) ? 10 : 4;
    else if (entry.text.includes(word)) sum += 1;
    else return 0;
  }
  const first = { question: 3, table: 2.5, "wrong way": 2, "code list": 2 };
  return sum + (first[entry.kind] ?? 0) - entry.title.length / 200;
}

async function search() {
  const words = fold(box.value).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  found.hidden = !words.length;
  if (!words.length) return;
  const entries = (await load()).map((entry) => [score(entry, words), entry]).filter(([sum]) => sum > 0);
  entries.sort((a, b) => b[0] - a[0]);
  const status = document.createElement("p");
  status.className = "small";
  status.setAttribute("role", "status");
  status.textContent = entries.length ? `${entries.length} found${entries.length > 40 ? ", the first 40" : ""}` : "Nothing found: fewer words find more.";
  const list = document.createElement("ol");
  for (const [, entry] of entries.slice(0, 40)) {
    const item = document.createElement("li");
    const kind = document.createElement("span");
    kind.className = "kind";
    kind.textContent = entry.kind;
    const link = document.createElement("a");
    link.href = root + entry.place;
    link.textContent = entry.title;
    item.append(kind, link);
    list.append(item);
  }
  found.replaceChildren(status, list);
}

function clear() {
  box.value = "";
  found.hidden = true;
}

function step(by) {
  const links = [...found.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement) + by;
  (at < 0 ? box : (links[at] ?? links.at(-1)))?.focus();
}

box.addEventListener("focus", load);
box.addEventListener("input", search);
box.form.addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
found.addEventListener("click", (event) => event.target.closest("a") && clear());
addEventListener("keydown", (event) => {
  const inside = found.contains(document.activeElement) || document.activeElement === box;
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) box.focus();
  else if (event.key === "Escape" && inside) clear();
  else if (event.key === "ArrowDown" && inside && !found.hidden) step(1);
  else if (event.key === "ArrowUp" && inside && !found.hidden) step(-1);
  else return;
  event.preventDefault();
});
