// Small comforts; every page works without this file.
document.documentElement.classList.add("js");

// A chosen photo is sent at once: one tap less for every delivery.
document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-send]") && event.target.files.length) event.target.form.requestSubmit();
});

// Where photos are read, they may be dropped anywhere or pasted; a picture of them is shown while they are read.
const reader = () => document.querySelector("form[data-drop]:not(.busy)");
function hand(form, files) {
  const input = form.querySelector("input[data-send]:not([capture])");
  input.files = files;
  form.requestSubmit();
}
document.addEventListener("dragover", (event) => {
  if (!reader() || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  reader().classList.add("over");
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) reader()?.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  if (!reader() || !event.dataTransfer.files.length) return;
  event.preventDefault();
  reader().classList.remove("over");
  hand(reader(), event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (reader() && event.clipboardData.files.length) hand(reader(), event.clipboardData.files);
});
document.addEventListener("submit", (event) => {
  const form = event.target, place = form.querySelector(".reading");
  if (!place) return;
  for (const old of place.querySelectorAll("img")) old.remove();
  const photo = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files])[0];
  if (!photo?.type.startsWith("image/")) return;
  const image = document.createElement("img");
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  image.addEventListener("error", () => image.remove()); // HEIC: few browsers show it
  image.alt = "";
  image.src = URL.createObjectURL(photo);
  place.append(image);
}, true);

// The outline of a code in the photo and its row in the list are one thing: what is pointed at shows in both.
for (const [name, shows] of [["click", "chosen"], ["focusin", "chosen"], ["pointerover", "pointed"]]) document.addEventListener(name, (event) => {
  const code = event.target.closest?.("[data-code]")?.dataset.code;
  if (!code && shows === "chosen") return;
  for (const part of document.querySelectorAll("[data-code]")) part.classList.toggle(shows, part.dataset.code === code);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// A day by one tap, and a quantity that is typed over, not into.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sets]"), field = button?.form?.elements[button.dataset.sets];
  if (!field) return;
  event.preventDefault();
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
document.addEventListener("focusin", (event) => { if (event.target.matches("input[data-select]")) event.target.select(); });
document.addEventListener("input", (event) => event.target.classList.remove("proposed"));

// What can be undone for some seconds says for how many more, and is gone when they are over.
setInterval(() => {
  for (const form of document.querySelectorAll("form[data-seconds]:not([data-sending])")) {
    form.dataset.seconds -= 1;
    form.querySelector("[data-left]").textContent = form.dataset.seconds;
    if (form.dataset.seconds < 1) form.remove();
  }
}, 1000);

let asking = null; // the look under way

// Forms are sent without leaving the page: what was typed stays when the network is gone, when somebody signed out in
// another tab, and when the answer is a page of nothing but a refusal. Pressing again is harmless (client_key).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post" || !form.closest("main") || form.dataset.plain !== undefined) return;
  event.preventDefault();
  const field = form.querySelector("input[data-scan]");
  if (field && (event.submitter?.value ?? "") === field.dataset.scan) pass(field);
  else if (!form.dataset.sending) send(form, event.submitter).then(() => { if (waiting.length) sendWaiting(); });
});

// A hand scanner goes on while a code is on its way: what it reads waits in a row, and goes together as the next. What
// was not answered is sent again as it was (client_key).
const waiting = [];
let underway = [];
function pass(field) {
  if (field.value.trim()) waiting.push(field.value);
  field.value = "";
  if (!field.form.dataset.sending) sendWaiting();
}
async function sendWaiting() {
  let field = document.querySelector("input[data-scan]");
  do {
    if (!field) return;
    if (!underway.length) underway = waiting.splice(0);
    const form = field.form;
    if (!await send(form, form.querySelector(`button[value="${field.dataset.scan}"]`), underway)) {
      form.querySelector(":scope > .problem").textContent += ` ${[...underway, ...waiting].join(" · ")}`;
      return;
    }
    underway = [];
    field = document.querySelector("input[data-scan]");
  } while (waiting.length);
}

// What is scanned while a form is on its way is not of what was sent: it stands in the next page's field.
const scanned = (form) => form.querySelector("[data-scan]");
function toEnd(field) {
  field.focus({ preventScroll: true });
  if (field.matches("textarea")) field.setSelectionRange(field.value.length, field.value.length);
}
function goOn(rest) {
  const field = rest && document.querySelector("[data-scan]");
  if (!field) return;
  const before = field.matches("textarea") ? field.value : "";
  field.value = before + (before && !before.endsWith("\n") ? "\n" : "") + rest;
  toEnd(field);
  if (field.form.dataset.look !== undefined && rest.includes("\n")) look(field.form);
}

async function send(form, button, texts) {
  const body = new FormData(form), before = written(form), field = scanned(form), sent = texts ? "" : field?.value ?? "";
  if (texts) body.set(field.name, texts.join("\n"));
  if (button?.name) body.append(button.name, button.value);
  if (field?.matches("textarea")) toEnd(field); // where a scanner types, and not on the button
  form.dataset.sending = "1";
  form.classList.add("busy");
  asking?.abort(); // what was being looked at is answered by what is being done
  let gone = false, outrun = false, answered = false;
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const refusal = page.querySelector("#main .refusal");
    if (!page.querySelector("#main")) {
      gone = true;
      tell(form, document.body.dataset.offline); // a proxy's page, not ours: the service is out of reach
    } else if (refusal) {
      tell(form, refusal.textContent);
      if (answer.status === 403) await renew(form);
    } else if (button?.value === "look" && written(form) !== before) {
      outrun = true; // whoever typed on meanwhile keeps it: it is looked at again
    } else {
      const rest = field?.value.startsWith(sent) ? field.value.slice(sent.length).replace(/^\n/, "") : "";
      show(page, answer.redirected ? answer.url : null);
      goOn(rest);
      answered = true;
    }
  } catch (fault) {
    gone = true;
    tell(form, document.body.dataset.offline);
  } finally {
    delete form.dataset.sending;
    form.classList.remove("busy");
    // A paper that was photographed without a network goes with whatever is pressed next.
    if (!gone || form.dataset.look === undefined) for (const input of form.querySelectorAll("input[data-send]")) input.value = "";
  }
  if (outrun) look(form);
  return answered;
}

const address = () => location.href.split("#")[0];
// The page that was loaded, which is no longer the one asked for where somebody went back before this file ran.
let shown = performance.getEntriesByType("navigation")[0]?.name.split("#")[0] ?? address();
const follow = () => { if (address() !== shown) location.reload(); }; // a jump within the page is none
follow();
window.addEventListener("popstate", follow);

// What was unfolded stays unfolded, what was in view stays in view.
const unfolded = () => [...document.querySelectorAll("details[id][open]")].map((part) => part.id);
const unfold = (ids) => { for (const id of ids) document.getElementById(id)?.setAttribute("open", ""); };

function show(page, moved) {
  const open = moved ? [] : unfolded(), top = moved || page.querySelector("[role=alert]") ? 0 : window.scrollY;
  if (moved) history.pushState(null, "", moved);
  shown = address();
  document.title = page.title;
  document.body.replaceWith(page.body);
  unfold(open);
  window.scrollTo(0, top);
  document.querySelector("[data-fresh]")?.scrollIntoView({ block: "center" });
  document.querySelector("[autofocus], [aria-invalid=true]")?.focus({ preventScroll: !document.querySelector("[aria-invalid=true]") });
}

function tell(form, sentence) {
  const place = form.querySelector(":scope > .problem") ?? document.createElement("p");
  place.className = "problem";
  place.setAttribute("role", "alert");
  place.textContent = sentence;
  form.prepend(place);
  place.scrollIntoView({ block: "center" });
}

// What is under way is looked at again until it is done.
setInterval(async () => {
  if (!document.querySelector("[data-poll]") || document.hidden) return;
  try {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const fresh = page.querySelector("#main");
    if (fresh && document.querySelector("[data-poll]")) document.querySelector("#main").replaceWith(fresh);
  } catch (fault) {
    console.warn(fault); // no network: looked at again later
  }
}, 2000);

// Whoever signed in again elsewhere has a new token; the form goes on with it.
async function renew(form) {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  const token = page.querySelector("main [name=csrf_token]")?.value;
  if (token && form.csrf_token) form.csrf_token.value = token;
}

// In the delivery form, what depends on a choice (papers, findings) is looked at again without leaving the page.
let pressing = false;
document.addEventListener("pointerdown", () => { pressing = true; }, true);
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => { setTimeout(() => { pressing = false; }); }, true);
const written = (form) => JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === "string"));
async function look(form) {
  if (form.dataset.sending) return; // what is scanned meanwhile is looked at when that is answered
  const body = new FormData(form), before = written(form);
  body.set("action", "look");
  for (const [name, value] of [...body]) if (value instanceof File || name === "override-password") body.delete(name);
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#main");
    if (!fresh || !page.querySelector("form[data-look]")) return;
    if (!form.isConnected || written(form) !== before) return; // somebody types on: their next change looks again, nothing typed is lost
    if (pressing || form.dataset.sending) return; // a button under a finger must not be replaced: the tap would be lost
    const focused = document.activeElement?.name, open = unfolded(), secret = form.elements["override-password"]?.value;
    document.querySelector("#main").replaceWith(fresh);
    unfold(open);
    const again = document.querySelector("[name=override-password]");
    if (again && secret) again.value = secret; // the service never sends one back
    const field = focused ? document.querySelector(`[name="${CSS.escape(focused)}"]`) : null;
    if (field) toEnd(field);
  } catch (fault) {
    if (fault.name !== "AbortError") console.warn(fault); // no network: the person goes on typing
  }
}
// A hand scanner ends each code with Enter: at the counter it is looked at while the next box is taken.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("textarea[data-scan]")) setTimeout(() => look(event.target.form));
});
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.dataset.look === undefined || event.target.type === "file" || /^(paper|override)-/.test(event.target.name)) return;
  // Which decision is taken changes no finding; but a second person may have to sign for it.
  if (event.target.type === "radio" && !event.target.name.startsWith("sheet-") && !event.target.closest("[data-two]")) return;
  look(form);
});

// Clocks of re-tests and notices run while the page is open.
function tick() {
  for (const clock of document.querySelectorAll("[data-until]")) {
    const minutes = Math.floor((new Date(clock.dateTime) - Date.now()) / 60000), { over, days, left } = clock.dataset;
    clock.classList.toggle("bad", minutes < 0);
    clock.textContent = minutes < 0 ? over : minutes >= 2880 ? days.replace("{days}", Math.floor(minutes / 1440))
      : left.replace("{hours}", Math.floor(minutes / 60)).replace("{minutes}", minutes % 60);
  }
}
setInterval(tick, 15000);
