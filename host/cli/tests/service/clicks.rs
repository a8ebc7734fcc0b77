//! The page of a host in a real browser: clicked through, by mouse and by keyboard, in the dark, on a phone.

use std::path::Path;

use serde_json::{Value, json};

use crate::{browser::Browser, page::greetings, service::succeed};

/// A workflow is found, watched, asked, approved and looked at as it was, with no error in the console.
pub(crate) fn a_day_with_it(chromium: &Path) {
    let (_machine, running, page) = greetings();
    let start = |id: &str| {
        succeed(&running.address, &["workflow", "start", "--type", "Greeting", "-t", "q", "-w", id])
    };
    start("first");
    running.builds("first", 1);
    let mut browser = Browser::start(chromium);
    browser.open(&format!("http://{}/?token={}", page.address, page.token));
    assert_eq!(browser.evaluate("location.search"), "", "the token stays out of the address");
    browser.wait_for("document.body.innerText.includes('This browser may act.')");
    browser
        .wait_for("!!document.querySelector('td a') && document.querySelector('td a').innerText === 'first'");
    // The list is live.
    start("second");
    browser.wait_for("document.querySelectorAll('tbody tr').length === 2");
    browser.picture("workflows");

    browser.click("tbody tr:last-child td a");
    browser.wait_for("document.querySelector('h1')?.innerText.startsWith('first') && !!document.querySelector('.timeline rect')");
    browser.picture("workflow");
    browser.click(".tabs a[href^='/workflow/stack']");
    browser.wait_for("document.body.innerText.includes('set_language')");
    browser.picture("stack");

    browser.click(".tabs a[href^='/workflow/actions']");
    browser.fill("#update-name", "set_language");
    browser.fill("#update-input", "\"french\"");
    browser.click("form[action='/workflow/update'] button");
    browser.wait_for("document.querySelector('.answer')?.innerText === '\"english\"'");
    browser.picture("update");

    travel(&mut browser);

    // The run is live: a signal from elsewhere ends it before the eyes.
    browser.click(".tabs a[href^='/workflow?']");
    browser.wait_for("document.querySelector('#status')?.innerText === 'Running'");
    succeed(
        &running.address,
        &["workflow", "signal", "-w", "first", "--name", "approve", "--input", "\"Ada\""],
    );
    browser.wait_for("document.querySelector('#status')?.innerText === 'Completed'");
    browser.wait_for("document.body.innerText.includes('Bonjour, monde')");
    browser.picture("completed");
    browser.click(".timeline .label a");
    browser.wait_for("!!document.querySelector('.events details[open] dl.fields')");
    browser.picture("history");

    // What ends a workflow is asked for twice.
    browser.open(&format!("http://{}/workflow/actions?workflow-id=second", page.address));
    browser.click("form[action='/workflow/terminate'] button");
    browser.wait_for("document.querySelector('#status')?.innerText === 'Terminated'");

    parts(&mut browser, &page.address);
    keyboard(&mut browser, &page.address);
    looks(&mut browser, &page.address);
    assert_eq!(browser.errors, [""; 0]);
}

/// The slider, by the keyboard: the answer is that of the event.
fn travel(browser: &mut Browser) {
    browser.click(".tabs a[href^='/workflow/at']");
    browser.fill("#ask", "language");
    browser.press("Enter");
    browser.wait_for("document.querySelector('.answer')?.innerText === '\"french\"'");
    browser.evaluate("document.querySelector('#event').focus()");
    browser.press("Home");
    for _ in 0..3 {
        browser.press("ArrowRight");
    }
    browser.wait_for("document.querySelector('#event-shown').innerText === '4'");
    browser.wait_for("document.querySelector('.answer')?.innerText === '\"english\"'");
    browser.picture("time-travel");
}

fn parts(browser: &mut Browser, address: &str) {
    for (path, text) in [
        ("modules", "Greeting"),
        ("task-queues", "Pollers"),
        ("schedules", "None yet."),
        ("workers", "Open files"),
    ] {
        browser.open(&format!("http://{address}/"));
        browser.click(&format!("header a[href='/{path}']"));
        browser.wait_for(&format!(
            "location.pathname === '/{path}' && document.body.innerText.includes('{text}')"
        ));
        browser.picture(path);
    }
    browser.open(&format!("http://{address}/modules"));
    browser.click("tbody td a");
    browser.wait_for("location.pathname === '/module' && document.body.innerText.includes('Digest')");
    browser.picture("module");
}

/// From the top of the page to a workflow without a mouse.
fn keyboard(browser: &mut Browser, address: &str) {
    browser.open(&format!("http://{address}/"));
    browser.press("Tab");
    assert_eq!(browser.evaluate("document.activeElement.innerText"), "Skip to the content");
    browser.press("Enter");
    browser.wait_for("location.hash === '#main'");
    browser.press("Tab");
    assert_eq!(browser.evaluate("document.activeElement.id"), "query");
    browser.write("fir");
    browser.press("Enter");
    browser
        .wait_for("location.search === '?query=fir' && document.querySelectorAll('tbody tr').length === 1");
}

/// In the dark the page is dark; on a phone nothing is wider than the screen.
fn looks(browser: &mut Browser, address: &str) {
    let colour = "getComputedStyle(document.body).backgroundColor";
    let mut seen: Vec<Value> = Vec::new();
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", media);
        browser.open(&format!("http://{address}/workflow?workflow-id=first"));
        seen.push(browser.evaluate(colour));
        browser.picture(&format!("workflow-{scheme}"));
    }
    assert_ne!(seen[0], seen[1]);
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.call("Emulation.setDeviceMetricsOverride", phone);
    for path in
        ["", "workflow?workflow-id=first", "workflow/history?workflow-id=first", "modules", "task-queues"]
    {
        browser.open(&format!("http://{address}/{path}"));
        let width = browser.evaluate("document.documentElement.scrollWidth");
        assert_eq!(width, 390, "/{path}");
        let name = path.split('?').next().unwrap_or_default().replace('/', "-");
        browser.picture(&format!("phone-{name}"));
    }
}
