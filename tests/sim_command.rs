//! `tuntcp sim`: what it writes, and what it says to a scenario that is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs it on a scenario of this text, in a folder of its own.
struct Run {
    folder: PathBuf,
    output: Output,
}

impl Run {
    fn new(name: &str, text: &str, arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sim").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("scenario.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuntcp"));
        command.current_dir(&folder).arg("sim").arg("scenario.toml").args(arguments);
        Self { output: command.output().expect("it was built"), folder }
    }

    fn told(&self) -> String {
        let Output { status, stdout, stderr } = &self.output;
        let errors = String::from_utf8_lossy(stderr);
        assert!(status.success() && stderr.is_empty(), "{status}: {errors}");
        String::from_utf8(stdout.clone()).unwrap()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

const TWO_FLOWS: &str = r#"
title = "Two & one <link>"
seed = 5
duration = "4s"
warmup = "500ms"
sample = "250ms"

[[link]]
name = "narrow"
rate = "8mbit"
delay = "10ms"
queue = 40
loss = "0.5%"
back = { rate = "1mbit" }

[[flow]]
algorithm = "reno"

[[flow]]
name = "late"
algorithm = "reno"
start = "1s"
"#;

#[test]
fn a_scenario_leads_to_a_table_series_and_a_plot() {
    let run = Run::new("files", TWO_FLOWS, &["--out", "deep/out"]);
    let told = run.told();
    assert!(told.starts_with("Two & one <link>: seed 5\n\nflow    algorithm  Mbit/s"), "{told}");
    for line in ["\nreno 1  reno ", "\nlate    reno ", "\nnarrow there  ", "\nnarrow back   "] {
        assert!(told.contains(line), "{line:?} is missing: {told}");
    }
    assert!(told.contains(" Mbit/s together, Jain's index 0.") && told.ends_with(", 4.0 s\n"));
    assert_eq!(run.file("deep/out/summary.txt"), told);

    let rows = |name: &str| {
        let text = run.file(name);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        (header, rows)
    };
    let (header, flows) = rows("deep/out/flows.csv");
    assert_eq!(
        header.iter().collect::<Vec<_>>().join(" "),
        "time_s flow algorithm state cwnd_bytes ssthresh_bytes in_flight_bytes unacked_bytes \
         srtt_ms min_rtt_ms rto_ms pacing_bit_s delivery_bit_s bytes_acked bytes_received \
         goodput_bit_s retransmissions queued_ms"
    );
    assert_eq!(flows.len(), 4 * 4 * 2);
    assert_eq!((&flows[0][0], &flows[0][1], &flows[0][3]), ("0.250000", "reno 1", "Established"));
    assert_eq!((&flows[1][1], &flows[1][4]), ("late", ""), "nothing to tell of it yet");
    let last = &flows[31];
    assert!(last[4].parse::<u32>().unwrap() > 1448 && last[8].parse::<f64>().unwrap() > 20.0);

    let (header, links) = rows("deep/out/links.csv");
    assert_eq!(
        header.iter().collect::<Vec<_>>().join(" "),
        "time_s link queue_packets queue_bytes delivered delivered_bytes lost cut overflowed shed \
         marked"
    );
    assert_eq!((links.len(), &links[1][1]), (4 * 4 * 2, "narrow back"));
    assert!(links[30][5].parse::<u64>().unwrap() > 2_000_000 && &links[30][6] != "0");

    let plot = run.file("deep/out/plot.svg");
    assert!(plot.starts_with("<svg ") && plot.trim_end().ends_with("</svg>"));
    for word in [
        "Two &amp; one &lt;link&gt;",
        "congestion window (thin: ssthresh), kB",
        "smoothed round trip, ms",
        "in flight, kB",
        "wait in queues, ms",
        "queue of each link, packets",
        "goodput, Mbit/s",
        "reno 1",
        "late",
        "narrow there",
    ] {
        assert!(plot.contains(word), "{word}");
    }
    assert!(plot.matches("<polyline").count() > 12);
}

#[test]
fn the_same_seed_writes_the_same_bytes_and_another_one_does_not() {
    let out = ["--out", "out"];
    let [first, second] = ["same-1", "same-2"].map(|name| Run::new(name, TWO_FLOWS, &out));
    let other = Run::new("other", TWO_FLOWS, &["--out", "out", "--seed", "6"]);
    assert!(other.told().contains("seed 6"));
    for file in ["summary.txt", "flows.csv", "links.csv", "plot.svg"] {
        let file = format!("out/{file}");
        assert_eq!(first.file(&file), second.file(&file));
        assert_ne!(first.file(&file), other.file(&file), "{file}");
    }
}

/// Everything that may stand in a scenario, at once.
#[test]
fn every_field_is_taken() {
    let text = r#"
        title = "all"
        seed = 1
        duration = "2s"
        warmup = "100ms"
        sample = "50ms"

        [config]
        send_buffer = "1mb"
        receive_buffer = "500kb"
        mss = 1000
        initial_window = 4
        window_scaling = true
        timestamps = false
        sack = false
        ecn = "request"
        nodelay = true
        delayed_ack = "20ms"
        rto_min = "300ms"

        [[host]]
        name = "a"
        mtu = 1400
        cable = { there = { rate = "50mbit" }, back = { delay = "1ms" } }

        [[host]]
        name = "b"

        [[link]]
        name = "x"
        loss = "1%"
        burst = 3
        mark = "1%"
        delay = "5ms"
        jitter = "100us"
        reorder = "1%"
        duplicate = "1%"
        corrupt = "0.1%"
        rate = "10mbit"
        queue = "50ms"
        aqm = "codel"
        target = "4ms"
        interval = "80ms"
        ecn = false
        outage = "500ms-600ms/1s-1100ms"
        there = { queue = "64kb", ecn = true }
        back = { queue = 100, ecn = "on" }

        [[link]]
        delay = "1ms"

        [[flow]]
        name = "shared"
        algorithm = "newreno"
        from = "a"
        to = "b"
        via = ["link 2", "x"]
        reverse = true
        start = "10ms"
        stop = "1500ms"
        bytes = "1mb"
        rate = "5mbit"
        on = "100ms"
        off = "10ms"

        [[flow]]
        count = 3
        delay = "2ms"
        stagger = "10ms"
        config = { sack = true }
    "#;
    let told = Run::new("all", text, &[]).told();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!((lines[0], lines.len()), ("all: seed 1", 15));
    assert!(lines[3].starts_with("shared") && lines[6].contains(" 4 "), "{told}");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_is_expected() {
    let flow = "duration = \"1s\"\n[[flow]]\n";
    let link = "duration = \"1s\"\n[[flow]]\n[[link]]\n";
    let rows = [
        ("duration = ", 1, "string values must be quoted"),
        ("seed = 1\n[[flow]]\n", 1, "missing field `duration`"),
        ("duration = \"1s\"\nseed = \"x\"", 2, "expected u64"),
        ("duration = \"1s\"\nseed = -1", 2, "expected u64"),
        ("duration = 5\n", 1, "integer `5`, expected a time up to an hour in us, ms or s, like"),
        ("duration = \"5\"\n", 1, "string \"5\", expected a time up to an hour in us, ms or s"),
        ("duration = \"0s\"\n", 1, "expected a duration above zero"),
        ("duration = \"2h\"\n", 1, "expected a time up to an hour"),
        ("duration = \"1s\"\n", 1, "expected a [[flow]] at least"),
        ("duration = \"1s\"\nlength = 3\n", 2, "unknown field `length`, expected one of `title`"),
        ("duration = \"1s\"\nduration = \"2s\"\n", 2, "duplicate key"),
        ("duration = \"1s\"\n\nwarmup = \"1s\"\n", 3, "expected a warm-up shorter than"),
        ("duration = \"1s\"\nsample = \"1us\"\n", 2, "expected a sample each millisecond"),
        ("duration = \"1s\"\n[config]\nsak = true", 3, "unknown field `sak`, expected one of"),
        ("duration = \"1s\"\n[config]\nsack = 1", 3, "integer `1`, expected a boolean"),
        ("duration = \"1s\"\n[config]\necn = \"on\"", 3, "`on`: ECN is off, accept or request"),
        (
            "duration = \"1s\"\n[config]\nsend_buffer = \"9\"",
            3,
            "expected a size from 1kb to 100mb",
        ),
        ("duration = \"1s\"\n[config]\nreceive_buffer = \"1gb\"", 3, "expected a size from 1kb"),
        (&format!("{flow}algorithm = \"vegas\""), 3, "`vegas`: no such congestion control; there"),
        (&format!("{flow}speed = 1"), 3, "unknown field `speed`, expected one of `name`"),
        (&format!("{flow}from = \"a\""), 3, "expected both from and to, or neither"),
        (
            &format!("{flow}from = \"a\"\nto = \"b\""),
            3,
            "there is no host `a`; expected one of: none",
        ),
        (&format!("{flow}via = [\"x\"]"), 3, "there is no link `x`; expected one of: none"),
        (&format!("{flow}stop = \"0s\""), 3, "expected a stop behind the start"),
        (&format!("{flow}start = \"1s\""), 2, "expected it sooner"),
        (&format!("{flow}count = 0"), 3, "expected from 1 to 256 flows in all"),
        (&format!("{flow}count = 300"), 3, "expected from 1 to 256 flows in all"),
        (&format!("{flow}on = \"1s\""), 3, "expected both on and off, or neither"),
        (&format!("{flow}on = \"1s\"\noff = \"0s\""), 4, "expected a millisecond at least"),
        (&format!("{flow}rate = \"fast\""), 3, "expected a rate above zero in bit, kbit"),
        (&format!("{flow}bytes = 100"), 3, "integer `100`, expected a size above zero"),
        (&format!("{link}los = \"1%\""), 4, "unknown field `los`, expected one of `name`, `loss`"),
        (&format!("{link}loss = \"1\""), 4, "`loss=1`: expected a share from 0% to 100%"),
        (&format!("{link}rate = \"1mbit\"\nqueue = 0"), 5, "`queue=0`: expected a number of"),
        (
            &format!("{link}delay = \"1ms\"\naqm = \"codel\""),
            5,
            "`aqm=codel`: expected codel beside",
        ),
        (&format!("{link}rate = \"1mbit\"\naqm = \"red\""), 5, "`aqm=red`: expected codel"),
        (&format!("{link}loss = 1.5"), 4, "floating point `1.5`, expected a string"),
        (
            &format!("{link}rate = \"1mbit\"\nback = {{ rate = \"0bit\" }}"),
            5,
            "`rate=0bit`: expected",
        ),
        (&format!("{link}there = {{ back = {{ }} }}"), 4, "no direction within a direction"),
        (&format!("{link}name = \"x\"\n[[link]]\nname = \"x\""), 6, "link `x` is there twice"),
        ("duration = \"1s\"\n[[host]]\nmtu = 9", 2, "missing field `name`"),
        ("duration = \"1s\"\n[[host]]\nname=\"a\"\nmtu = 9", 4, "expected an MTU from 576"),
    ];
    for (number, (text, line, wanted)) in rows.into_iter().enumerate() {
        let run = Run::new(&format!("wrong-{number}"), text, &[]);
        let said = String::from_utf8_lossy(&run.output.stderr);
        let begin = format!("tuntcp: scenario.toml:{line}: ");
        assert!(said.starts_with(&begin) && said.contains(wanted), "{text}\n{said}\n{wanted}");
        assert_eq!((run.output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(run.output.stdout.is_empty());
    }
}

#[test]
fn what_cannot_be_run_or_written_is_explained() {
    let fails = |name: &str, text: &str, arguments: &[&str], wanted: &str| {
        let run = Run::new(name, text, arguments);
        let said = String::from_utf8_lossy(&run.output.stderr);
        assert_eq!(run.output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("tuntcp: ") && said.contains(wanted), "{said}");
    };
    let still = "duration = \"1s\"\n[[flow]]\nname = \"x\"\n";
    fails("still", still, &[], "scenario.toml: x's path needs a rate or a delay");
    let small = "duration = \"10ms\"\n[[link]]\ndelay = \"1ms\"\n[[flow]]\n";
    fails("blocked", small, &["--out", "scenario.toml"], "cannot write to scenario.toml: ");

    let missing = Command::new(env!("CARGO_BIN_EXE_tuntcp")).args(["sim", "no.toml"]).output();
    let missing = missing.unwrap();
    let said = String::from_utf8_lossy(&missing.stderr);
    assert_eq!(missing.status.code(), Some(1));
    assert!(said.contains("cannot read no.toml: No such file"), "{said}");
}

#[test]
fn help_teaches_by_an_example_that_runs() {
    let help = Command::new(env!("CARGO_BIN_EXE_tuntcp")).args(["sim", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--out <DIR>") && help.contains("Exit status:"), "{help}");
    let (_, example) = help.split_once("A scenario:\n").unwrap();
    let (example, _) = example.split_once("docs/scenarios.md").unwrap();
    let told = Run::new("help", example, &[]).told();
    assert!(told.starts_with("scenario: seed 0\n"), "{told}");
}
