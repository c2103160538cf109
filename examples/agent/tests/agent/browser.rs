//! A browser without a screen, led by the `DevTools` protocol over two pipes.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mermin_testing::{Folder, LONGEST, apart::command};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

/// A browser that gives up after two minutes, with one empty tab.
pub(crate) struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    /// The session of the tab.
    session: Option<String>,
    number: u64,
    /// Events so far, by method.
    events: Vec<(String, Json)>,
    _folder: Folder,
}

impl Browser {
    /// Starts a program that takes Chromium's options.
    pub(crate) fn start(program: &str) -> Self {
        let folder = Folder::new("agent-browser");
        let (to, from) = (folder.file("to"), folder.file("from"));
        for pipe in [&to, &from] {
            command(&format!("mkfifo {}", pipe.display()));
        }
        // The protocol's descriptors are 3 and 4. Both sides open the pipes in this order, and each waits for the other.
        let script = format!(
            "exec timeout --kill-after=5 120 \"$0\" \"$@\" 3<'{}' 4>'{}'",
            to.display(),
            from.display()
        );
        let child = Command::new("sh")
            .args(["-c", &script, program])
            // The test runs as root, where Chromium has no sandbox.
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!(
                "--user-data-dir={}",
                folder.file("profile").display()
            ))
            .arg("about:blank")
            .env("HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = fs::OpenOptions::new().write(true).open(to).unwrap();
        let mut browser = Self {
            child,
            to,
            from: BufReader::new(File::open(from).unwrap()),
            session: None,
            number: 0,
            events: Vec::new(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached = browser.call(
            "Target.attachToTarget",
            &json!({"targetId": target["targetId"], "flatten": true}),
        );
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Calls a method, and returns its result.
    pub(crate) fn call(&mut self, method: &str, parameters: &Json) -> Json {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        loop {
            let mut answer = Vec::new();
            self.from.read_until(0, &mut answer).unwrap();
            assert_eq!(answer.pop(), Some(0), "the browser has ended: {method}");
            let mut answer: Json = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            if let Some(method) = answer["method"].as_str() {
                self.events
                    .push((method.to_owned(), answer["params"].clone()));
            }
        }
    }

    /// Returns the value of an expression of JavaScript on the page.
    pub(crate) fn value(&mut self, expression: &str) -> Json {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&mut self, expression: &str) {
        let began = Instant::now();
        while self.value(expression) != true {
            if began.elapsed() > LONGEST {
                let page = self.value("document.body.innerText");
                panic!("never: {expression}\n{}", page.as_str().unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the parameters of all events of a method so far.
    pub(crate) fn events(&self, method: &str) -> Vec<&Json> {
        let events = self.events.iter().filter(|(name, _)| name == method);
        events.map(|(_, parameters)| parameters).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // `timeout` passes this signal on to the browser. SIGKILL would end `timeout` alone.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
