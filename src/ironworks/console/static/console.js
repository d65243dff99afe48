// What a page does by itself beside htmx: a live part that keeps the focus, copy buttons, a log that follows its end.

document.addEventListener("htmx:beforeRequest", (event) => {
  // A new part would take the focus from under the keyboard; it comes when the focus has gone on.
  if (event.target.id === "live" && event.target.querySelector(":focus-visible")) event.preventDefault();
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

const log = document.getElementById("log");
if (log) {
  let atEnd = true;
  log.scrollTop = log.scrollHeight;
  log.addEventListener("scroll", () => {
    atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 20;
  });
  // Who has scrolled up reads on undisturbed.
  new MutationObserver(() => { if (atEnd) log.scrollTop = log.scrollHeight; }).observe(log, { childList: true });
}
