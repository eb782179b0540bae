#!/usr/bin/env python3
"""The page of a running `leat serve` in Chromium, by playwright (PyPI, tested with 1.65; the browser
is the system's: $CHROMIUM, else chromium).

usage: page_client.py HOST:PORT [KEY]      models: iris, and any others
Light and dark, wide and narrow: what is asked, what is answered and why, by mouse and keyboard;
nothing is loaded from another host and nothing is complained of in the console. With KEY the server
asks for keys. With $LEAT_SHOTS, a folder, pictures are left there.
Exit code 77 where playwright or the browser is not installed."""
import os
import shutil
import sys

try:
    from playwright.sync_api import sync_playwright
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

BROWSER = shutil.which(os.environ.get("CHROMIUM", "chromium"))
if not BROWSER:
    print("skipped: chromium is not here")
    sys.exit(77)
URL, KEY = "http://" + sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
SHOTS = os.environ.get("LEAT_SHOTS")


def until(page, what, text):
    """Waits without evaluating text as script, which the page's policy forbids."""
    for _ in range(200):
        if what():
            return
        page.wait_for_timeout(50)
    raise AssertionError(text)


def shot(page, name):
    if SHOTS:
        page.screenshot(path=os.path.join(SHOTS, name + ".png"), full_page=True)


def luminance(color):
    """Of "rgb(1, 2, 3)"; WCAG 2.2."""
    parts = [int(x) / 255 for x in color[4:-1].split(",")]
    parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(page, selector, what, behind, of):
    def color(selector, what):
        return luminance(page.locator(selector).first.evaluate(
            "(e, what) => getComputedStyle(e)[what]", what))
    low, high = sorted((color(selector, what), color(behind, of)))
    return (high + 0.05) / (low + 0.05)


def give_key(page):
    page.wait_for_selector("dialog[open]")
    assert page.locator(":focus").get_attribute("id") == "key_value", "the field has the focus"
    page.keyboard.type("leat_wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")  # asked again
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    until(page, lambda: page.locator("#models option").count(), "no models with the key")
    assert page.evaluate("() => sessionStorage.getItem('leat.key')") == KEY
    assert page.evaluate("() => localStorage.length + document.cookie.length") == 0


def visit(browser, scheme, width):
    complaints = []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.on("request", lambda r: r.url.startswith((URL, "data:", "blob:")) or
            complaints.append("asks " + r.url))
    asked, marks = [], []
    page.on("request", lambda r: r.method == "POST" and asked.append(r.url))
    page.on("request", lambda r: r.method == "POST" and marks.append(r.headers.get("leat-example")))

    def console(message):
        # A browser writes down every answer of 4xx; drift and keys are allowed to be refused.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            complaints.append(message.text)
    page.on("console", console)
    page.goto(URL + "/")
    if KEY:
        give_key(page)
    until(page, lambda: page.locator("#models option").count(), "no models")
    if page.locator("#models").is_visible():
        page.select_option("#models", "iris")
    until(page, lambda: page.title().startswith("iris"), "iris is not shown")
    page.wait_for_selector("#why table")
    assert page.locator("#answer").inner_text() in ("setosa", "versicolor", "virginica")
    assert page.locator("#bars tbody tr").count() == 3
    assert page.locator("#why tbody tr").count() == 4
    assert "all subsets" in page.locator("#why").inner_text()
    assert marks and set(marks) == {"true"}, marks  # opening the page is no traffic
    # By keyboard: a value, Enter, another answer.
    box = page.get_by_label("petal_length")
    box.fill("1.4")
    page.get_by_label("petal_width").fill("0.2")
    page.keyboard.press("Enter")
    until(page, lambda: page.locator("#answer").inner_text() == "setosa", "not setosa")
    assert marks[-1] is None, marks  # what somebody typed is
    # One request for an answer and why, though Enter changes the field and sends the form.
    page.wait_for_timeout(1100)
    count = len(asked)
    page.get_by_label("petal_width").fill("0.3")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert len(asked) == count + 1 and asked[-1].endswith("?explain=true"), asked[count:]
    page.get_by_role("button", name="Predict").click()  # asked a moment ago
    assert len(asked) == count + 1, asked[count:]
    # Wrong: said by name, marked, and mended.
    box.fill("many")
    page.keyboard.press("Enter")
    until(page, lambda: "petal_length" in page.locator("#fault").inner_text(), "no fault is told")
    assert box.get_attribute("aria-invalid") == "true"
    page.get_by_role("button", name="Typical row").click()
    until(page, lambda: page.locator("#fault").inner_text() == "", "the fault stays")
    page.get_by_label("explain answers").uncheck()
    until(page, lambda: page.locator("#why table").count() == 0, "explanations stay")
    page.get_by_label("explain answers").check()
    page.wait_for_selector("#why table")
    # Every control has a name, nothing is wider than the window.
    for role in ("textbox", "combobox", "button", "checkbox"):
        for control in page.get_by_role(role).all():
            assert control.evaluate("e => e.labels?.length || e.textContent.trim()"), role
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "too wide"
    # Who sees little sees where something can be typed, and reads all texts.
    for behind in ("form input", "section"):
        edge = contrast(page, "form input", "borderTopColor", behind, "backgroundColor")
        assert edge >= 3, (scheme, behind, edge)
    for text in ("form label", "form label small", "#answer"):
        ink = contrast(page, text, "color", "section", "backgroundColor")
        assert ink >= 4.5, (scheme, text, ink)
    shot(page, f"iris_{scheme}_{width}")
    assert not complaints, complaints
    context.close()


def odd_names(browser):
    """Inputs that are called as what the form itself has."""
    complaints = []
    page = browser.new_page()
    page.on("pageerror", lambda e: complaints.append(str(e)))

    def rename(route):
        reply = route.fetch()
        about = reply.json()
        for given, name in zip(about["inputs"], ("elements", "append", "closest", "submit")):
            given["name"] = name
        route.fulfill(response=reply, json=about)
    page.route("**/api/v1/iris", lambda r: rename(r) if r.request.method == "GET" else r.continue_())
    page.goto(URL + "/")
    if KEY:
        give_key(page)
    until(page, lambda: page.locator("#models option").count(), "no models")
    if page.locator("#models").is_visible():
        page.select_option("#models", "iris")
    until(page, lambda: page.title().startswith("iris"), "iris is not shown")
    until(page, lambda: "sepal_length" in page.locator("#fault").inner_text(), "was not asked")
    page.get_by_label("elements").fill("5")
    until(page, lambda: '"elements":5' in page.locator("#curl").inner_text(), "no line for the shell")
    assert not complaints, complaints
    page.close()


with sync_playwright() as p:
    browser = p.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
    for scheme in ("light", "dark"):
        for width in (1200, 400):
            visit(browser, scheme, width)
    odd_names(browser)
    browser.close()
print("fine")
