//! `serve iperf3` and iperf3; `tuntcp iperf3` and the server that iperf3 is.

use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::world::{World, forward, root, run, tuntcp};

const MIB: f64 = (1 << 20) as f64;

/// iperf3's client against the stack.
fn iperf3(options: &str) -> Command {
    let mut command = Command::new("iperf3");
    command.args(["-c", "192.0.2.2"]).args(options.split_whitespace());
    command
}

/// The same to its end, which need not be a good one.
pub(crate) fn measure(options: &str) -> Output {
    iperf3(options).output().expect("iperf3 runs")
}

/// What a client says as JSON, which is that it went well.
fn results(client: &mut Command) -> Value {
    let output = client.output().expect("it runs");
    let (said, wrong) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{client:?}: {wrong}{said}");
    let json: Value = serde_json::from_str(&said).expect("it is JSON");
    assert!(json.get("error").is_none(), "{client:?}: {said}");
    json
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A number, where the path leads to one.
fn number(json: &Value, path: &str) -> f64 {
    json.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {json:#}"))
}

/// What must be there after each test: streams in each direction, and bytes over each stream, told by both
/// ends.
fn check(options: &str, json: &Value) {
    let option = |name: &str| {
        let mut words = options.split_whitespace().skip_while(|word| *word != name);
        words.next().map(|_| words.next().unwrap_or(""))
    };
    let count = option("-P").map_or(1, |count| count.parse().unwrap());
    let bidir = option("--bidir").is_some();
    let streams = json["end"]["streams"].as_array().expect("there are streams");
    assert_eq!(streams.len(), if bidir { 2 * count } else { count }, "{options}");
    for (index, stream) in streams.iter().enumerate() {
        // The client sends on the first ones.
        let sends = if bidir { index < count } else { option("-R").is_none() };
        assert_eq!(stream["sender"]["sender"], sends, "{options}: {stream}");
        for end in ["/sender/bytes", "/receiver/bytes"] {
            assert!(number(stream, end) > 0.0, "{options}: {stream}");
        }
        assert!(number(stream, "/sender/retransmits") >= 0.0, "{options}");
    }
    let mut sums = vec![("sum_sent", "sum_received")];
    if bidir {
        sums.push(("sum_sent_bidir_reverse", "sum_received_bidir_reverse"));
    }
    for (sent, received) in sums {
        let (sent, received) = (&json["end"][sent], &json["end"][received]);
        let bytes = (number(sent, "/bytes"), number(received, "/bytes"));
        assert!(bytes.0 > 0.0 && bytes.1 > 0.0, "{options}: {bytes:?}");
        assert!(number(sent, "/retransmits") >= 0.0, "{options}");
        if let Some(wanted) = option("-n") {
            let wanted = wanted.trim_end_matches('M').parse::<f64>().unwrap() * MIB;
            assert!(bytes.0 >= wanted && bytes.1 >= 0.9 * wanted, "{options}: {bytes:?}");
        }
        if let Some(rate) = option("-b") {
            let rate = rate.trim_end_matches('M').parse::<f64>().unwrap() * 1e6 * count as f64;
            let wanted = number(sent, "/seconds") * rate / 8.0;
            // Whole blocks leave.
            let most = wanted + (2 * count * (128 << 10)) as f64;
            assert!((0.4 * wanted..most).contains(&bytes.0), "{options}: {bytes:?} for {wanted}");
        }
    }
}

#[test]
fn iperf3_measures_in_every_mode() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let modes = [
        "-t 1",
        "-t 1 -R",
        "-t 1 -P 4",
        "-t 1 -P 4 -R",
        "-t 1 --bidir",
        "-t 1 --bidir -P 3",
        "-n 20M",
        "-n 20M -P 3 -R",
        "-t 1 -b 4M",
        "-t 1 -b 4M -P 2 -R",
        "-t 1 -O 1 -i 0.3",
        "-t 1 -O 1 -R",
        "-k 100 -l 10K -w 64K -M 1000 -N",
        "-k 100 -l 10K -w 64K -M 1000 -N -S 0x20 -R",
    ];
    for options in modes {
        check(options, &results(&mut iperf3(&format!("{options} -J"))));
    }
    let six = results(Command::new("iperf3").args("-c 2001:db8::2 -t 1 -J".split(' ')));
    check("-t 1", &six);
    server.stop();
}

#[test]
fn the_server_tells_what_it_saw() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let json = results(&mut iperf3("-n 1M -P 2 --get-server-output -J"));
    let said = json["server_output_text"].as_str().expect("the server's lines");
    let shapes = [
        "Accepted connection from 192.0.2.1, port ",
        "[  1] local 192.0.2.2 port 5201 connected to 192.0.2.1 port ",
        "[  3] local 192.0.2.2 port 5201 connected to 192.0.2.1 port ",
        "[ ID] Interval           Transfer     Bitrate",
        "[  3]   0.00-",
        "[SUM]   0.00-",
    ];
    for shape in shapes {
        assert!(said.lines().any(|line| line.starts_with(shape)), "no {shape:?} in\n{said}");
    }
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("[SUM]") && last.ends_with("/sec                  receiver"),
        "{said}"
    );

    // Of two algorithms, that which was asked for.
    for name in ["reno", "cubic"] {
        let json = results(&mut iperf3(&format!("-n 1M -R -J -C {name}")));
        assert_eq!(json["end"]["sender_tcp_congestion"], name);
    }
    server.stop();
}

#[test]
fn one_test_at_a_time() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let first = iperf3("-t 3 -J").stdout(Stdio::piped()).spawn().expect("iperf3 runs");
    thread::sleep(Duration::from_secs(1));
    let second = measure("-t 1");
    assert!(!second.status.success() && text(&second.stderr).contains("busy"), "{second:?}");
    let first = first.wait_with_output().expect("it ends");
    assert!(first.status.success());
    check("-t 3", &serde_json::from_slice(&first.stdout).expect("it is JSON"));
    // The place is free before the first client knows that he is done.
    for _ in 0..20 {
        check("-n 1M", &results(&mut iperf3("-n 1M -J")));
    }
    server.stop();
}

#[test]
fn udp_is_refused_in_iperf3s_words() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    let udp = measure("-u -t 1");
    let said = text(&udp.stderr);
    assert!(!udp.status.success() && said.contains("protocol does not exist"), "{said}");
    check("-n 1M", &results(&mut iperf3("-n 1M -J")));
    server.stop();
}

/// Waits until the server has a place again, and uses it.
pub(crate) fn is_served() {
    for _ in 0..300 {
        if measure("-n 256K").status.success() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("the server has no place any more");
}

#[test]
fn a_client_that_is_killed_leaves_his_place() {
    let world = World::new();
    let server = world.serve(&["iperf3"]);
    for options in ["-t 30", "-t 30 -R", "-t 30 --bidir -P 4"] {
        let mut child = iperf3(options).stdout(Stdio::null()).spawn().expect("iperf3 runs");
        thread::sleep(Duration::from_millis(500));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        is_served();
    }
    server.stop();
}

/// `iperf3 -s` for one test, when it listens.
struct KernelServer(Child);

impl KernelServer {
    fn new() -> Self {
        let server = Command::new("iperf3")
            .args(["-s", "-1"])
            .stdout(Stdio::null())
            .spawn()
            .expect("iperf3 runs");
        let listens = || text(&run("ss", ["-ltn"]).stdout).contains(":5201 ");
        assert!((0..600).any(|_| {
            thread::sleep(Duration::from_millis(100));
            listens()
        }));
        Self(server)
    }
}

impl Drop for KernelServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Our client against the kernel.
fn client(options: &str) -> Command {
    let mut command = tuntcp();
    command.args(["iperf3", "-c", "192.0.2.1"]).args(options.split_whitespace());
    command
}

#[test]
fn our_client_measures_against_iperf3() {
    let _world = World::new();
    let modes = [
        "-t 1",
        "-t 1 -R",
        "-t 1 -P 3",
        "-t 1 -O 1 -R -P 2",
        "-t 1 --bidir -P 2",
        "-n 20M",
        "-n 20M -R",
        "-t 1 -b 4M",
        "-t 1 -b 4M -R",
    ];
    for options in modes {
        let _server = KernelServer::new();
        check(options, &results(client(options).arg("-J")));
    }
    let _server = KernelServer::new();
    let output = client("-n 1M -P 2").output().expect("it runs");
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shapes = [
        "Connecting to host 192.0.2.1, port 5201",
        "[  3] local 192.0.2.2 port ",
        "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd",
        "[  1]   0.00-",
        "[SUM]   0.00-",
        "- - - - -",
        "[ ID] Interval           Transfer     Bitrate         Retr",
        "iperf Done.",
    ];
    for shape in shapes {
        assert!(said.lines().any(|line| line.starts_with(shape)), "no {shape:?} in\n{said}");
    }
    let sum = said.lines().rev().find(|line| line.starts_with("[SUM]")).unwrap_or_default();
    assert!(sum.contains("sec  1.00 MBytes") && sum.ends_with("receiver"), "{said}");
}

#[test]
fn our_client_names_the_cause_of_its_failure() {
    let _world = World::new();
    let fails = |command: &mut Command, cause: &str| {
        let output = command.output().expect("it runs");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.to_lowercase().contains(cause), "no {cause:?} in {said}");
    };
    fails(&mut client("-t 1"), "refused");
    let mut server = KernelServer::new();
    thread::scope(|scope| {
        let mut busy = Command::new("iperf3");
        busy.args(["-c", "192.0.2.1", "-t", "4"]).stdout(Stdio::null());
        let mut busy = busy.spawn().expect("iperf3 runs");
        thread::sleep(Duration::from_millis(500));
        fails(&mut client("-t 1"), "busy");
        busy.wait().expect("it ends");
        drop(server);
        server = KernelServer::new();
        let test = scope.spawn(|| fails(&mut client("-t 30"), "192.0.2.1:5201: "));
        thread::sleep(Duration::from_secs(1));
        // Killed, it says nothing more than that it is gone.
        server.0.kill().expect("it runs");
        test.join().expect("as it should");
    });
}

/// Both ends are ours, each with a TUN of its own.
#[test]
fn our_client_measures_against_our_server() {
    let world = World::new();
    run(root().join("scripts/setup_tun.sh"), ["tun1", "198.51.100.1/24"]);
    forward();
    let server = world.serve(&["iperf3"]);
    let options = ["--tun", "tun1", "--address", "198.51.100.2/24", "-c", "192.0.2.2"];
    for mode in ["-n 10M", "-n 10M -R", "-t 1 --bidir -P 2", "-t 1 -b 4M -R"] {
        let mut client = tuntcp();
        client.arg("iperf3").args(options).args(mode.split(' ')).arg("-J");
        check(mode, &results(&mut client));
    }
    server.stop();
}
