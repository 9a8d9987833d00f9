//! What does a shell line of a script mean to a stack that has no shell? Settings are taken, counts
//! of sockets are answered, house-keeping is skipped, and anything else is refused by name.

use super::kernel::{Fault, Kernel};
use super::settings::Settings;

/// Commands that prepare or tidy up the machine of the original.
const HOUSE_KEEPING: &[&str] = &[
    "kldload",
    "kldunload",
    "ifconfig",
    "route",
    "arp",
    "ethtool",
    "nstat",
    "echo",
    "true",
    ":",
    "date",
    "cat",
    "rm",
    "mkdir",
    "touch",
    "tcpdump",
    "dmesg",
    "logger",
    "modprobe",
    "set",
    "export",
    "cd",
    "ulimit",
    "dtrace",
    "umask",
    "tc",
    "wait",
];

/// Takes the settings of a line's commands.
pub(super) fn take_settings(line: &str, settings: &mut Settings) {
    for command in commands(line).unwrap_or_default() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        // What is wrong with it is told when its turn comes.
        let _ = take_command(&words, settings);
    }
}

/// The settings of one command; `None` if it is not for that.
fn take_command(words: &[&str], settings: &mut Settings) -> Option<Result<(), Fault>> {
    let (name, arguments) = words.split_first()?;
    match name.rsplit('/').next().unwrap_or(name) {
        "sysctl" | "set_sysctls.py" if !arguments.contains(&"|") => {
            Some(settings.take_sysctls(arguments))
        }
        "defaults.sh" => Some(settings.take_linux_defaults()),
        _ => None,
    }
}

/// The commands of a line, word by word.
fn commands(line: &str) -> Result<Vec<Vec<String>>, Fault> {
    let mut commands = vec![Vec::new()];
    for word in words(line)? {
        match word.as_str() {
            ";" | "&&" | "\n" | "&" => commands.push(Vec::new()),
            "||" => return Err(Fault::Unsupported(format!("the shell line `{line}`"))),
            _ => commands.last_mut().unwrap_or(&mut Vec::new()).push(word),
        }
    }
    commands.retain(|command| !command.is_empty());
    Ok(commands)
}

impl Kernel {
    /// Carries out what stands in the backquotes.
    pub(super) fn shell(&mut self, line: &str) -> Result<(), Fault> {
        commands(line)?.iter().try_for_each(|command| self.pipeline(command))
    }

    fn pipeline(&mut self, words: &[String]) -> Result<(), Fault> {
        let mut stages = words.split(|word| word == "|");
        let first: Vec<&str> = stages.next().unwrap_or(&[]).iter().map(String::as_str).collect();
        let first = match &first[..] {
            ["sudo", rest @ ..] => rest,
            all => all,
        };
        let Some((name, arguments)) = first.split_first() else { return Ok(()) };
        let unsupported = || Fault::Unsupported(format!("the shell line `{}`", words.join(" ")));
        if let Some(outcome) = take_command(first, &mut self.settings) {
            return outcome;
        }
        let program = name.rsplit('/').next().unwrap_or(name);
        let mut lines = match program {
            "sockstat" => self.sockstat(arguments),
            "ss" => self.ss(arguments).ok_or_else(unsupported)?,
            "netstat" => self.netstat(),
            "echo" | "printf" if arguments.contains(&">") => return self.echo_to(arguments),
            // What the original has written to set everything back.
            name if name.starts_with("sysctl_restore") => return Ok(()),
            "ip" if arguments.contains(&"tcp_metrics") || arguments.contains(&"flush") => {
                return Ok(());
            }
            "sleep" => return self.sleep(arguments),
            name if HOUSE_KEEPING.contains(&name) => return Ok(()),
            _ => return Err(unsupported()),
        };
        let mut status = true;
        for stage in stages {
            let stage: Vec<&str> = stage.iter().map(String::as_str).collect();
            match stage.split_first() {
                Some((&"grep" | &"egrep" | &"fgrep", arguments)) => {
                    (lines, status) = grep(&lines, arguments).ok_or_else(unsupported)?;
                }
                Some((&"wc", [.., "-l"])) => {
                    (lines, status) = (vec![lines.len().to_string()], true);
                }
                _ => return Err(unsupported()),
            }
        }
        if status {
            return Ok(());
        }
        let listed = self.sockstat(&[]).join("\n    ");
        Err(Fault::Wrong(format!("`{}` finds nothing; there is\n    {listed}", words.join(" "))))
    }

    /// `echo 1 > /proc/sys/net/ipv4/tcp_sack`
    fn echo_to(&mut self, arguments: &[&str]) -> Result<(), Fault> {
        match arguments.split(|word| *word == ">").collect::<Vec<_>>()[..] {
            [value, [file]] if file.starts_with("/proc/sys/") => {
                self.settings.set(file, &value.join(" "))
            }
            [_, ["/dev/null" | "/dev/kmsg"]] => Ok(()),
            _ => Err(Fault::Unsupported(format!("the shell line `echo {}`", arguments.join(" ")))),
        }
    }

    fn sleep(&mut self, arguments: &[&str]) -> Result<(), Fault> {
        let time = arguments.first().and_then(|time| time.parse::<f64>().ok());
        let time = time.filter(|time| (0.0..86_400.0).contains(time));
        let time = time.ok_or_else(|| Fault::Wrong("sleep wants a number of seconds".into()))?;
        let until = self.world.now + std::time::Duration::from_secs_f64(time);
        while self.world.step(until).map_err(Fault::Wrong)? {}
        Ok(())
    }

    /// As FreeBSD's `sockstat -s` lists them.
    fn sockstat(&mut self, arguments: &[&str]) -> Vec<String> {
        let port =
            arguments.iter().position(|&word| word == "-p").and_then(|at| arguments.get(at + 1));
        let rows = self.list_sockets().into_iter();
        rows.filter(|(local, remote, ..)| {
            port.is_none_or(|port| {
                let port = format!(":{port}");
                local.ends_with(&port) || remote.ends_with(&port)
            })
        })
        .map(|(local, remote, state, held)| {
            let who = if held { "root packetdrill 1 3" } else { "? ? ? ?" };
            format!("{who} tcp4 {local} {remote} {state}")
        })
        .collect()
    }

    /// As `netstat -an` lists them.
    fn netstat(&mut self) -> Vec<String> {
        let rows = self.list_sockets().into_iter();
        rows.map(|(local, remote, state, _)| format!("tcp4 0 0 {local} {remote} {state}")).collect()
    }

    /// As Linux's `ss` lists them; `None` for filters that are not known.
    fn ss(&mut self, arguments: &[&str]) -> Option<Vec<String>> {
        let wanted = match arguments.iter().position(|&word| word == "state") {
            Some(at) => Some(*arguments.get(at + 1)?),
            None => None,
        };
        if arguments.iter().any(|word| word.contains("sport") || word.contains("dport")) {
            return None;
        }
        let rows = self.list_sockets().into_iter();
        let named = rows.map(|(local, remote, state, _)| (local, remote, linux_name(state)));
        let chosen = named.filter(|(_, _, state)| match wanted {
            None | Some("all") => true,
            Some(wanted) => {
                let full = if *state == "ESTAB" { "ESTABLISHED" } else { state };
                wanted.eq_ignore_ascii_case(full)
            }
        });
        Some(
            chosen
                .map(|(local, remote, state)| format!("tcp {state} 0 0 {local} {remote}"))
                .collect(),
        )
    }
}

fn linux_name(state: &str) -> &str {
    match state {
        "ESTABLISHED" => "ESTAB",
        "SYN_SENT" => "SYN-SENT",
        "SYN_RCVD" => "SYN-RECV",
        "FIN_WAIT_1" => "FIN-WAIT-1",
        "FIN_WAIT_2" => "FIN-WAIT-2",
        "TIME_WAIT" => "TIME-WAIT",
        "CLOSE_WAIT" => "CLOSE-WAIT",
        "LAST_ACK" => "LAST-ACK",
        "CLOSED" => "UNCONN",
        other => other,
    }
}

/// The lines that `grep` lets through, and whether it finds any; `None` for what it is not known to
/// do here: patterns are plain words.
fn grep(lines: &[String], arguments: &[&str]) -> Option<(Vec<String>, bool)> {
    let (flags, pattern): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| word.starts_with('-'));
    let flags: String = flags.concat().replace('-', "");
    let [pattern] = pattern[..] else { return None };
    if pattern.contains(['*', '[', '\\', '+', '?', '(']) || flags.contains(['o', 'f', 'x']) {
        return None;
    }
    let plain = pattern.trim_start_matches('^').trim_end_matches('$');
    let matches = |line: &&String| {
        let (line, plain) = match flags.contains('i') {
            true => (line.to_lowercase(), plain.to_lowercase()),
            false => ((*line).clone(), plain.to_owned()),
        };
        let found = plain.split('|').any(|plain| {
            match (pattern.starts_with('^'), pattern.ends_with('$')) {
                (true, true) => line == plain,
                (true, false) => line.starts_with(plain),
                (false, true) => line.ends_with(plain),
                (false, false) => line.contains(plain),
            }
        });
        found != flags.contains('v')
    };
    let found: Vec<String> = lines.iter().filter(matches).cloned().collect();
    let any = !found.is_empty();
    Some((if flags.contains('c') { vec![found.len().to_string()] } else { found }, any))
}

/// Words of a line, quotes taken off; operators and ends of lines are words of their own.
fn words(line: &str) -> Result<Vec<String>, Fault> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            // A line that goes on.
            (None, '\\') if letters.peek() == Some(&'\n') => {
                letters.next();
            }
            (None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, ' ' | '\t' | '\r') => words.extend(word.take()),
            (None, ';' | '|' | '&' | '>' | '\n') => {
                words.extend(word.take());
                let mut operator = String::from(letter);
                if matches!(letter, '|' | '&' | '>') && letters.peek() == Some(&letter) {
                    operator.extend(letters.next());
                }
                words.push(operator);
            }
            (None, '#') if word.is_none() => {
                while letters.next_if(|&letter| letter != '\n').is_some() {}
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(Fault::Wrong("a quote is not closed".into()));
    }
    words.extend(word.take());
    Ok(words)
}
