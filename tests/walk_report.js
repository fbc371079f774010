// Opens every result of every heading of the report, as a reader would, and lists them: title and width in pixels.
const seen = [], pause = () => new Promise(done => setTimeout(done, 200));
const leaves = () => [...document.querySelectorAll("*")].filter(node => !node.children.length);
const press = text => leaves().filter(leaf => leaf.textContent.trim() == text).pop().closest("a,button,li").click();
window.addEventListener("error", event => seen.push(`ERROR ${event.message}`));
setTimeout(async () => {
    const headings = leaves().map(leaf => leaf.textContent.trim()).filter(text => /^\d /.test(text));
    for (const heading of headings) {
        press(heading);
        await pause();
        for (let i = 0; i < document.querySelectorAll("tbody tr").length; i++) {
            const row = document.querySelectorAll("tbody tr")[i];
            row.querySelector("a,button").click();
            await pause();
            const shown = document.querySelector(".grow.h-screen img, .grow.h-screen iframe");
            if (shown.decode) await shown.decode();
            seen.push(`${row.innerText.trim()} | ${shown.naturalWidth || shown.clientWidth}`);
        }
        press("Results");
        await pause();
    }
    const list = document.createElement("pre");
    list.id = "seen";
    list.textContent = seen.join("\n");
    document.body.append(list);
}, 2000);
