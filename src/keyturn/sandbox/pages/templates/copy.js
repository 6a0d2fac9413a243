const code = document.getElementById("code");
const copy = document.getElementById("copy");
const say = document.getElementById("copied");
code.addEventListener("focus", () => code.select());
if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.value);
      copy.textContent = "Copied";
      say.textContent = "Copied. Now paste it into the terminal.";
    } catch {
      code.focus();
      say.textContent = "This browser does not allow copying from a page: the code is selected, press Ctrl+C.";
    }
  });
}
