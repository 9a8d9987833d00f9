"""A small WebDriver client (https://www.w3.org/TR/webdriver2/) for headless Chromium by chromedriver.

    from browser import Browser
    with Browser() as browser:
        browser.open("http://192.0.2.2/")
        browser.click("a")
        assert "hello" in browser.text("body")

Chromium runs in the namespace of whoever starts it; chromedriver listens on that one's loopback.
Wherever an element or a condition is awaited, it is for PATIENCE seconds at most.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# Far longer than anything here takes, even on a machine that is busy.
PATIENCE = 60

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # the tests are root, in a namespace of their own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--dns-over-https-mode=off",
]

# How WebDriver calls an element in its answers.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class WebDriverError(Exception):
    """What the driver refused; its `code` is WebDriver's, such as "no such element"."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Browser:
    def __init__(self, arguments=()):
        """Starts Chromium, with an empty profile and more `arguments`."""
        self._profile = tempfile.mkdtemp(prefix="tuntcp-chromium-")
        self._session = None
        # In a process group of its own: Chromium's many processes end with it.
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            self._base = f"http://127.0.0.1:{self._port()}/session"
            options = {
                "binary": shutil.which("chromium") or "chromium",
                "args": [*ARGUMENTS, f"--user-data-dir={self._profile}", *arguments],
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
            answer = self._ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
            self._session = "/" + answer["sessionId"]
            limits = {"pageLoad": PATIENCE * 1000, "script": PATIENCE * 1000}
            self._post("/timeouts", limits)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends Chromium, and what it kept."""
        try:
            if self._session:
                self._ask("DELETE", self._session)
        except (OSError, WebDriverError):
            pass
        self._session = None
        try:
            os.killpg(self._driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._driver.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url):
        """Loads a page, and waits until it is there."""
        self._post("/url", {"url": url})

    def reload(self):
        self._post("/refresh")

    @property
    def url(self):
        return self._get("/url")

    @property
    def title(self):
        return self._get("/title")

    @property
    def source(self):
        return self._get("/source")

    def find(self, css):
        """The first element that a CSS selector fits, once there is one."""
        def found():
            try:
                return self._post("/element", {"using": "css selector", "value": css})[ELEMENT]
            except WebDriverError as error:
                if error.code in ("no such element", "stale element reference"):
                    return None
                raise
        return self.wait(found, f"{css} is not on the page")

    def text(self, css="body"):
        """What one sees of an element."""
        # An element may go with its page between the two steps.
        def seen():
            try:
                return [self._get(f"/element/{self.find(css)}/text")]
            except WebDriverError as error:
                if error.code == "stale element reference":
                    return None
                raise
        return self.wait(seen)[0]

    def click(self, css):
        self._post(f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self._post(f"/element/{self.find(css)}/value", {"text": text})

    def run(self, script, *arguments):
        """What `script` returns, in the page; if that is a promise, what it promises."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def cookies(self):
        return self._get("/cookie")

    def responses(self):
        """What came from the network since the last call: (URL, status) in its order, as it was on the
        wire: 304 where the browser tells its pages 200. The URL of what no page asked for is "?"."""
        urls, statuses, order = {}, {}, []
        for entry in self._post("/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            event, what = message["method"], message["params"]
            if event == "Network.requestWillBeSent":
                urls[what["requestId"]] = what["request"]["url"]
            elif event == "Network.responseReceivedExtraInfo":
                order.append(what["requestId"])
                statuses.setdefault(what["requestId"], []).append(what["statusCode"])
        return [(urls.get(id, "?"), statuses[id].pop(0)) for id in order]

    def wait(self, condition, what="it did not happen"):
        """What `condition()` returns, as soon as that is true."""
        until = time.monotonic() + PATIENCE
        while True:
            outcome = condition()
            if outcome:
                return outcome
            if time.monotonic() > until:
                page = self.source if self._session else ""
                raise AssertionError(f"{what}; the page:\n{page[:4000]}")
            time.sleep(0.05)

    def wait_for_text(self, text, css="body"):
        """Until one sees `text` in an element."""
        self.wait(lambda: text in self.text(css), f"there is no {text!r} in {css}")

    def _port(self):
        for line in self._driver.stdout:
            # "ChromeDriver was started successfully on port 40123."
            if "started successfully on port" in line:
                return int(line.split()[-1].rstrip("."))
        raise RuntimeError("chromedriver does not start")

    def _get(self, path):
        return self._ask("GET", self._session + path)

    def _post(self, path, body=None):
        return self._ask("POST", self._session + path, body or {})

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=2 * PATIENCE) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError(value["error"], value["message"].splitlines()[0]) from None
