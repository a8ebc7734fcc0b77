//! The page of a host, over HTTP: what it shows, who may do what, and what it does with texts of others.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use test_harness::{
    Trial, compatible, component,
    http::{Answer, send},
    run, test, test_needing,
};

use crate::{
    browser::chromium,
    clicks::a_day_with_it,
    machine::{Machine, PATIENCE, Running, digest},
    process::Process,
    script,
    service::{host, succeed},
};

/// What a site would do if a page took it for markup.
const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

/// The tests of the page: over HTTP, and in a browser.
pub(crate) fn tests() -> [Trial; 8] {
    [
        test("page::texts_of_workflows_are_escaped", texts_of_workflows_are_escaped),
        test("page::who_may_do_what", who_may_do_what),
        test("page::addresses", addresses),
        test("page::a_workflow_is_shown_and_answers", a_workflow_is_shown_and_answers),
        test("page::what_a_run_waits_for", what_a_run_waits_for),
        test("page::the_other_parts", the_other_parts),
        test("page::changes_are_heard", changes_are_heard),
        test_needing("page::a_day_with_it", chromium, |chromium| a_day_with_it(&chromium)),
    ]
}

/// A page, and who has its token.
pub(crate) struct Page {
    /// `127.0.0.1` and its port.
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Page {
    /// The page that a process serves, as it says.
    pub(crate) fn of(process: &mut Process) -> Self {
        let url = process.address_after("the page is there for browsers address=");
        let (address, token) = url.strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
        Self { address: address.to_owned(), token: token.to_owned() }
    }

    /// What a browser without the token gets.
    pub(crate) fn get(&self, path: &str) -> Answer {
        send(&self.address, &format!("GET {path}"), &[("host", &self.address)], "").unwrap()
    }

    /// The same, of a page that must be there.
    fn shown(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status(), "HTTP/1.1 200 OK", "{path}: {}", answer.body);
        answer.body
    }

    fn cookie(&self) -> String {
        let port = self.address.rsplit_once(':').unwrap().1;
        format!("host-page-{port}={}", self.token)
    }

    /// What a browser with the token gets for a form.
    fn post(&self, path: &str, form: &str) -> Answer {
        let (origin, cookie) = (format!("http://{}", self.address), self.cookie());
        self.post_with(path, form, &[("origin", &origin), ("cookie", &cookie)])
    }

    fn post_with(&self, path: &str, form: &str, more: &[(&str, &str)]) -> Answer {
        let fixed = [("host", self.address.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        send(&self.address, &format!("POST {path}"), &[&fixed, more].concat(), form).unwrap()
    }
}

/// A host server with a page, and the address of its service.
fn server(more: &[&str]) -> (Process, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let fixed = ["server", "--listen", "127.0.0.1:0", "--data-dir", &data];
    (Process::start(host(&[&fixed, more].concat())), folder)
}

/// A host with the sample `message-passing` on queue `q`, and its page.
pub(crate) fn greetings() -> (Machine, Running, Page) {
    let machine = Machine::new();
    let sample = component("message-passing").unwrap();
    fs::copy(sample, machine.folder.path().join("modules/greeting.wasm")).unwrap();
    let mut process = machine.begin(&["--ui", "127.0.0.1:0"]);
    let page = Page::of(&mut process);
    let running = Running::wait(process);
    (machine, running, page)
}

/// The name of a value in an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Waits until a page has a text.
fn wait_for(page: &Page, path: &str, text: &str) -> String {
    let since = Instant::now();
    loop {
        let shown = page.shown(path);
        if shown.contains(text) {
            return shown;
        }
        assert!(since.elapsed() < PATIENCE, "{path} never has {text:?}: {shown}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ids, types, inputs, results and failures that look like markup are shown as they are.
fn texts_of_workflows_are_escaped() {
    let (mut process, _folder) = server(&["--ui", "127.0.0.1:0"]);
    let (service, page) = (process.address(), Page::of(&mut process));
    let json = serde_json::to_string(SCRIPT).unwrap();
    let id = encoded(SCRIPT);
    for (queue, command) in [
        ("fails", script::failed_with(SCRIPT)),
        ("completes", script::completed(&json)),
        ("waits", script::activity(SCRIPT)),
    ] {
        let answers = script::answer(&service, queue, vec![command]);
        let start = ["workflow", "start", "--type", SCRIPT, "-t", queue, "-w", SCRIPT, "--input", &json];
        succeed(&service, &[&start[..], &["--memo", &format!("key={json}")]].concat());
        answers.join().unwrap();
        let paths = ["/", "/workflow", "/workflow/history", "/workflow/at", "/task-queues", "/schedules"];
        for path in paths {
            let shown = page.shown(&format!("{path}?workflow-id={id}"));
            assert!(!shown.contains("<script>alert") && !shown.contains("<img"), "{path}: {shown}");
            if path != "/schedules" && path != "/task-queues" {
                assert!(shown.contains("&lt;script&gt;alert(1)"), "{path}: {shown}");
            }
        }
    }
    // What is wrong in the address is said back.
    for path in ["/?query=", "/workflow?workflow-id=none", "/module?digest=", "/workers?x="] {
        let answer = page.get(&format!("{path}{id}"));
        assert!(
            !answer.body.contains("<script>alert") && !answer.body.contains("<img"),
            "{path}: {answer:?}"
        );
    }
}

/// Only names of this machine are answered; without the token the page reads; other sites do nothing.
fn who_may_do_what() {
    let (_machine, running, page) = greetings();
    start_greeting(&running, "g");
    let get = |headers: &[(&str, &str)]| send(&page.address, "GET /", headers, "").unwrap();
    let port = page.address.rsplit_once(':').unwrap().1;
    assert_eq!(get(&[("host", "evil.example")]).status(), "HTTP/1.1 421 Misdirected Request");
    assert_eq!(get(&[("host", &format!("localhost:{port}"))]).status(), "HTTP/1.1 200 OK");
    let answer = get(&[("host", &page.address), ("origin", "http://evil.example")]);
    assert_eq!(answer.status(), "HTTP/1.1 403 Forbidden");
    let answer = page.get("/");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.body.contains("This browser only reads."), "{}", answer.body);
    assert!(!answer.body.contains(&page.token));

    let form = "workflow-id=g&name=approve&input=%22Ada%22";
    let origin = format!("http://{}", page.address);
    for (headers, expected) in [
        (vec![("origin", origin.as_str())], "Without the token this page only reads."),
        (
            vec![("cookie", &*page.cookie()), ("origin", "http://evil.example")],
            "Another site made this request.",
        ),
        (vec![("cookie", &*page.cookie())], "Another site made this request."),
    ] {
        let answer = page.post_with("/workflow/signal", form, &headers);
        assert_eq!(answer.status(), "HTTP/1.1 403 Forbidden");
        assert!(answer.body.contains(expected), "{answer:?}");
    }
    let history = page.shown("/workflow/history?workflow-id=g");
    assert!(!history.contains("WorkflowExecutionSignaled"), "{history}");

    assert_eq!(page.get("/?token=wrong").status(), "HTTP/1.1 403 Forbidden");
    let answer = page.get(&format!("/?token={}", page.token));
    assert_eq!((answer.status(), answer.header("location")), ("HTTP/1.1 303 See Other", Some("/")));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("{}; Path=/; HttpOnly; SameSite=Strict", page.cookie())), "{cookie}");
    let answer = page.post("/workflow/signal", form);
    assert_eq!(answer.status(), "HTTP/1.1 303 See Other", "{answer:?}");
    wait_for(&page, "/workflow?workflow-id=g", "Completed");
}

/// An address that is taken is a warning; one that other machines reach is refused; none is served if so asked.
fn addresses() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut process, folder) = server(&["--ui", &taken.local_addr().unwrap().to_string()]);
    process.wait_for("there is no page: take another address with --ui, or none with --no-ui");
    let address = process.address();
    succeed(&address, &["workflow", "list"]);
    let mode = fs::metadata(folder.path().join("page.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let data = folder.path().display().to_string();
    for command in [&["server"][..], &["run", "-t", "q", "-m", "x.wasm"]] {
        let refused = [command, &["--ui", "0.0.0.0:0", "--data-dir", &data]].concat();
        let output = run(&mut host(&refused)).unwrap();
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("--ui 0.0.0.0:0 is reachable from other machines"), "{output:?}");
    }
    let (mut process, folder) = server(&["--no-ui"]);
    process.address();
    assert!(!process.log().contains("the page"), "{}", process.log());
    assert!(!folder.path().join("page.token").exists());
}

fn start_greeting(running: &Running, id: &str) {
    succeed(&running.address, &["workflow", "start", "--type", "Greeting", "-t", "q", "-w", id]);
    running.builds(id, 1);
}

/// A workflow is listed, shown, asked, changed, and looked at as it was.
fn a_workflow_is_shown_and_answers() {
    let (machine, running, page) = greetings();
    start_greeting(&running, "g");
    let listed = wait_for(&page, "/", ">g<");
    assert!(listed.contains("class=\"status running\""), "{listed}");
    let filter = encoded("WorkflowId = \"other\"");
    assert!(page.shown(&format!("/?query={filter}")).contains("No workflow."));
    assert!(page.shown("/?query=this+is+wrong").contains("Filters compare search attributes"));

    let build = digest(&machine.folder.path().join("modules/greeting.wasm").display().to_string());
    let shown = page.shown("/workflow?workflow-id=g");
    for expected in ["Waits for", "Timeline", &format!("/module?digest={build}"), "workflow tasks"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let stack = page.shown("/workflow/stack?workflow-id=g");
    assert!(stack.contains("<code>set_language</code>") && stack.contains("<code>approve</code>"), "{stack}");

    let answer = page.shown("/workflow/query?workflow-id=g&name=language");
    assert!(answer.contains("&quot;english&quot;"), "{answer}");
    let updated = page.post("/workflow/update", "workflow-id=g&name=set_language&input=%22french%22");
    assert_eq!(updated.status(), "HTTP/1.1 200 OK", "{updated:?}");
    assert!(updated.body.contains("&quot;english&quot;"), "{updated:?}");
    let rejected = page.post("/workflow/update", "workflow-id=g&name=set_language&input=%22klingon%22");
    assert_eq!(rejected.status(), "HTTP/1.1 400 Bad Request");
    assert!(rejected.body.contains("not among the known languages"), "{rejected:?}");
    let mistake = page.post("/workflow/update", "workflow-id=g&name=set_language&input=french");
    assert!(mistake.body.contains("The input is not JSON"), "{mistake:?}");

    // As it was at its first workflow task, and as it is.
    let at = |event: &str| page.shown(&format!("/workflow/at?workflow-id=g&query=language&event={event}"));
    let before = at("4");
    assert!(
        before.contains("&quot;english&quot;") && before.contains("Event 4 WorkflowTaskCompleted"),
        "{before}"
    );
    let after = at("999");
    assert!(after.contains("&quot;french&quot;"), "{after}");
    assert!(after.contains(&format!("/module?digest={build}")), "{after}");

    let terminated = page.post("/workflow/terminate", "workflow-id=g&reason=enough");
    assert_eq!(terminated.status(), "HTTP/1.1 303 See Other");
    let ended = wait_for(&page, "/workflow?workflow-id=g", "Terminated");
    assert!(ended.contains("enough"), "{ended}");
    let reset = page.post("/workflow/reset", "workflow-id=g&to=last");
    let to = reset.header("location").unwrap_or_default();
    assert!(page.shown(to).contains("Running"), "{reset:?}");
    assert!(page.shown("/?query=ExecutionStatus+%3D+%22Running%22").contains(">g<"));
}

/// What waits is shown: a timer at the event it began, an activity with its attempts.
fn what_a_run_waits_for() {
    let (_machine, running, page) = greetings();
    running.begin("waits", "timer 3600000\nactivity none\nwait");
    running.builds("waits", 1);
    let shown = page.shown("/workflow?workflow-id=waits");
    for expected in ["activity <bdi>none</bdi>", "<b>timer</b> of 1 h", "attempt 1"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let at = page.shown("/workflow/at?workflow-id=waits&event=6");
    assert!(at.contains("<b>timer</b>") && at.contains("<b>activity</b>"), "{at}");
    let at = page.shown("/workflow/at?workflow-id=waits&event=4");
    assert!(!at.contains("<b>timer</b>"), "{at}");
}

/// Modules, task queues, schedules and workers, and a rollback.
fn the_other_parts() {
    let (machine, running, page) = greetings();
    start_greeting(&running, "g");
    wait_for(&page, "/task-queues", "<bdi>q</bdi>");
    let queues = page.shown("/task-queues");
    assert!(queues.contains("host@") || queues.contains(&running.process.id().to_string()), "{queues}");
    let build = digest(&machine.folder.path().join("modules/greeting.wasm").display().to_string());
    let modules = page.shown("/modules");
    assert!(modules.contains(&build) && modules.contains("<bdi>Greeting</bdi>"), "{modules}");
    let module = page.shown(&format!("/module?digest={build}"));
    assert!(module.contains("Workflow <bdi>Greeting</bdi>") && module.contains("set_language"), "{module}");
    let again = page.post("/module/swap", &format!("digest={build}&policy=pin"));
    assert!(again.body.contains("serves its types already"), "{again:?}");
    swaps(&machine, &page);
    let refused = page.post("/module/swap", "digest=0123456789&policy=pin");
    assert_eq!(refused.status(), "HTTP/1.1 400 Bad Request", "{refused:?}");
    wait_for(&page, "/workers", "<polyline points=\"0.0,");
    assert!(page.shown("/schedules").contains("None yet."));
    assert_eq!(page.get("/elsewhere").status(), "HTTP/1.1 404 Not Found");
    for (path, begins) in [("/style.css", ":root"), ("/script.js", "//"), ("/icon.svg", "<svg")] {
        assert!(page.shown(path).starts_with(begins), "{path}");
    }
}

/// A module that served before is compared with the one that serves, and takes its place again.
fn swaps(machine: &Machine, page: &Page) {
    let before = digest(&machine.module().display().to_string());
    let newer = machine.elsewhere(&compatible(&machine.script, 2));
    assert_eq!(machine.modules(&["swap", &newer]).code, 0);
    let newer = digest(&newer);
    let compared = page.shown(&format!("/module?digest={before}"));
    assert!(compared.contains(&format!("Beside <a href=\"/module?digest={newer}\">")), "{compared}");
    let swapped = page.post("/module/swap", &format!("digest={before}&policy=pin"));
    assert!(swapped.body.contains("serves new runs now, policy pin"), "{swapped:?}");
    assert!(page.shown("/modules").contains("<b>Swapped</b>"));
    let back = page.post("/modules/rollback", "");
    assert_eq!(back.status(), "HTTP/1.1 303 See Other", "{back:?}");
    assert!(page.shown("/modules").contains("<b>RolledBack</b>"));
}

/// A page hears of changes, and the place of one that has gone is free again.
fn changes_are_heard() {
    let (_machine, running, page) = greetings();
    start_greeting(&running, "g");
    let follow = || {
        let mut stream = TcpStream::connect(&page.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = format!("GET /live?workflow-id=g HTTP/1.1\r\nhost: {}\r\n\r\n", page.address);
        stream.write_all(request.as_bytes()).unwrap();
        read_until(&mut stream, "following");
        stream
    };
    // More than there are places, one after another.
    for _ in 0..30 {
        let since = Instant::now();
        let answer = loop {
            let mut stream = TcpStream::connect(&page.address).unwrap();
            let request = format!("GET /live HTTP/1.1\r\nhost: {}\r\n\r\n", page.address);
            stream.write_all(request.as_bytes()).unwrap();
            let head = read_until(&mut stream, "\r\n\r\n");
            if !head.starts_with("HTTP/1.1 503") || since.elapsed() > PATIENCE {
                break head;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    let mut stream = follow();
    succeed(&running.address, &["workflow", "signal", "-w", "g", "--name", "approve", "--input", "\"Ada\""]);
    read_until(&mut stream, "data: changed\n\n");
}

fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    let mut bytes = [0; 1024];
    while !read.contains(text) {
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0, "it ended before {text:?}: {read}");
        read.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    read
}
