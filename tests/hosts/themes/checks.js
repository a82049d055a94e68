(required) => {
    const problems = [];
    const describe = (it) => `${it.localName}.${it.getAttribute("class") ?? ""} "${(it.value || it.textContent).trim().slice(0, 30).replace(/\s+/g, " ")}"`;
    const report = (it, problem) => problems.push(`${describe(it)} ${problem}`);
    const visible = (selector) => [...document.querySelectorAll(selector)]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }));

    // Draws colours over one another, since CSS has many notations for them; returns the luminance.
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.canvas.width = canvas.canvas.height = 1;
    const measure = (...colours) => {
        for (const colour of ["#fff", ...colours]) {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
        }
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => byte / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const known = new Map();
    const luminance = (...colours) => {
        const key = colours.join();
        if (!known.has(key)) known.set(key, measure(...colours));
        return known.get(key);
    };
    const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const backgrounds = (it) =>
        it ? [...backgrounds(it.parentElement), getComputedStyle(it).backgroundColor] : [];
    const contrastOf = (it, colour, behind = it) =>
        contrast(luminance(...backgrounds(behind), colour), luminance(...backgrounds(behind)));

    if (!visible(required).length) problems.push(`${required} is missing`);

    const HEADINGS = ".vton-title, .vton-section > h2, .vton-resolutions h3";
    const titles = visible(HEADINGS);
    if (titles.length < document.querySelectorAll(HEADINGS).length) {
        problems.push("a title is hidden");
    }
    for (const title of titles) {
        if (title.matches(".vton-title")) scrollTo({ top: 0, behavior: "instant" });
        else title.scrollIntoView({ block: "center", behavior: "instant" });
        const { x, y, height } = title.getBoundingClientRect();
        const hit = document.elementFromPoint(x + 12, y + height / 2);
        if (!title.contains(hit)) report(title, `is covered by ${hit && describe(hit)}`);
    }

    const BUTTON = "[class*=vton-] .button, .vton-confirm input[type=submit]";
    for (const button of visible(BUTTON)) {
        const { backgroundColor, borderTopColor, borderTopWidth, color } = getComputedStyle(button);
        const hasBorder = parseFloat(borderTopWidth) >= 1 &&
            contrastOf(button, borderTopColor, button.parentElement) > 1.2;
        if (!hasBorder && contrastOf(button, backgroundColor, button.parentElement) < 1.2) {
            report(button, `has the background of the page: ${backgroundColor}`);
        }
        if (contrastOf(button, color) < 4.5) report(button, `is not legible: ${color} on ${backgroundColor}`);
        if (button.offsetHeight < 24 || button.scrollWidth > button.offsetWidth) {
            report(button, `is too small: ${button.offsetWidth} by ${button.offsetHeight}`);
        }
        if (!button.matches("a, summary") && !button.form) report(button, "belongs to no form");
    }
    for (const test of document.querySelectorAll(".vton-test .button")) {
        if (!test.form?.action.endsWith("/try-on-test/")) report(test, "saves the product");
    }
    for (const search of visible("#searchbar")) {
        if (!search.form) report(search, "belongs to no form");
    }

    for (const bar of document.querySelectorAll(".vton-chart rect")) {
        const { fill, stroke } = getComputedStyle(bar);
        const { width, height } = bar.getBoundingClientRect();
        const shown = [fill, stroke].some((it) => it !== "none" && contrastOf(bar, it) > 2);
        if (!(width && height && shown)) report(bar, `of the chart is not visible: ${fill}`);
    }
    if (document.querySelector(".vton-figure") && visible(".vton-chart rect").length < 5) {
        problems.push("the chart has no bars");
    }

    const OWN = ":is(.vton-section, .vton-page #content-main, .vton-test, .vton-title)";
    for (const it of visible(`${OWN}, ${OWN} *`)) {
        const hasText = [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (hasText && !it.closest("svg, option, .vton-bar[hidden]") && contrastOf(it, getComputedStyle(it).color) < 3) {
            report(it, `is not legible: ${getComputedStyle(it).color}`);
        }
    }
    for (const field of visible(`:is(${OWN}, .app-vton fieldset) :is(input, select, textarea)`)) {
        const { borderBottomColor, borderBottomWidth, backgroundColor } = getComputedStyle(field);
        if (field.matches("[type=checkbox], [type=radio], [type=submit], [type=file], .select2-search__field")) continue;
        const behind = field.parentElement;
        if ((!parseFloat(borderBottomWidth) || contrastOf(field, borderBottomColor, behind) < 1.15) &&
            contrastOf(field, backgroundColor, behind) < 1.15) report(field, "has no visible border");
    }

    // Grappelli's own forms and lists are wider than a phone.
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > innerWidth && document.querySelector(".vton-page, #grp-content:not(:has(.grp-module))")) {
        const wide = visible("body *").filter((it) => it.getBoundingClientRect().right > innerWidth + 1);
        problems.push(`overflows: ${scrollWidth} in ${innerWidth}: ${wide.slice(0, 4).map(describe)}`);
    }
    return problems;
}
