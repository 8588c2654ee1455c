//! The command line as a whole.

use clap::error::ErrorKind;
use sluicegate_policy::time::Span;

use super::*;

fn parsed(line: &str) -> Action {
    Cli::try_parse_from(words(line)).unwrap_or_else(|error| panic!("{line}: {error}")).action
}

/// The words of a line as a shell takes them, with single quotes alone.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let mut words = Vec::new();
    for (at, part) in parts {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The example lines of a help text; a line that ends in a backslash goes on.
fn examples(help: &str) -> Vec<String> {
    let joined = help.replace("\\\n", " ");
    joined.lines().filter(|line| line.starts_with("  sluicegate ")).map(|line| line.trim().to_owned()).collect()
}

fn refusal(line: &str) -> clap::Error {
    Cli::try_parse_from(words(line)).expect_err(line)
}

#[test]
fn clap_finds_no_fault_in_the_command_line() {
    command().debug_assert();
}

#[test]
fn every_example_in_the_help_parses() {
    let top = command();
    let mut all = examples(&top.get_after_help().expect("the program has examples").to_string());
    for sub in top.get_subcommands() {
        let help = sub.get_after_help().unwrap_or_else(|| panic!("{} has no examples", sub.get_name())).to_string();
        let own = examples(&help);
        assert!(!own.is_empty(), "{} has no examples", sub.get_name());
        assert!(own.iter().all(|line| line.starts_with(&format!("sluicegate {}", sub.get_name()))), "{own:?}");
        all.extend(own);
    }
    for line in &all {
        parsed(line);
    }
}

#[test]
fn every_command_of_the_page_about_pipelines_parses() {
    let page = include_str!("../../docs/ci.md");
    let mut found = 0;
    // Between fences: every second part.
    for line in page.split("\n```").skip(1).step_by(2).flat_map(str::lines) {
        for (at, _) in line.match_indices("sluicegate ") {
            let rest = line[at..].split([';', '|', '>', '#']).next().unwrap_or_default();
            let rest = rest.replace(['"', '@'], "").replace(" $ ", " ");
            let is_ours = command().get_subcommands().any(|sub| rest.split_whitespace().nth(1) == Some(sub.get_name()));
            if is_ours {
                parsed(rest.trim_end_matches([' ', '$']));
                found += 1;
            }
        }
    }
    assert!(found >= 6, "{found} commands");
}

#[test]
fn the_long_help_of_a_subcommand_says_more_than_the_short() {
    let mut top = command();
    for name in ["run", "replay", "simulate", "mock", "import", "fit", "plan-fit", "design"] {
        let help = top.find_subcommand_mut(name).expect(name);
        let (short, long) = (help.render_help().to_string(), help.render_long_help().to_string());
        assert_ne!(short.lines().next(), long.lines().next(), "{name}");
    }
}

#[test]
fn every_subcommand_and_flag_says_what_it_is() {
    for sub in command().get_subcommands() {
        assert!(sub.get_about().is_some(), "{}", sub.get_name());
        for flag in sub.get_arguments() {
            assert!(flag.get_help().is_some(), "{} {}", sub.get_name(), flag.get_id());
        }
    }
}

#[test]
fn the_help_shows_the_subcommands_the_examples_and_the_exit_codes() {
    insta::assert_snapshot!(command().term_width(100).render_help(), @r"
    Rehearses production traffic against an API gateway, and says whether what was simulated holds

    Usage: sluicegate <COMMAND>

    Commands:
      run          Simulate a profile, drive the same script at a gateway, compare, report
      replay       The same, with recorded traffic: a log, or sessions of WebSocket clients
      simulate     The model alone, in virtual time: nothing is sent
      mock         Serve the mock gateway alone
      import       Read a log or a HAR: a trace, and a profile; or an API definition: a profile
      compare      Judge a kept run: by its own model, by another profile, or by an earlier run
      fit          Fit the profile of kept runs to what they observed
      plan-fit     Propose the runs from which `fit` could tell a profile's parameters
      cost         What a design costs a month, before anything is built
      design       Write a commented profile to begin with, for a choice of API and integrations
      checklist    What to look at before production: checks, simulated gates, a live endpoint
      report       Show the report of a kept run again
      history      List the kept runs below a folder, and how they went on from run to run
      schema       Print the JSON Schema of a profile or of run.json
      completions  Print a shell's completion script
      man          Print the manual page
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Examples:
      sluicegate run profiles/quickstart.yaml
      sluicegate run profiles/quickstart.yaml --drift 'functions.orders.duration * 1.5'
      sluicegate replay access.log profiles/shop.yaml --speed 2x
      sluicegate mock profiles/quickstart.yaml --listen 127.0.0.1:8080

    Exit codes, the first that applies:
      2        usage or profile error
      5        refused by the safety policy, before the first byte
      130/143  interrupted: partial report, assumptions not judged
      141      standard output was closed before the result was written
      1        the run failed
      4        the run is invalid: the generator missed its own script
      3        an assumption, threshold, baseline or abort condition was violated
      4        inconclusive: too little data
      0        all held
    A refused connection, or a target that dies or answers garbage, is a result, not a failed run.
    ");
}

#[test]
fn the_flags_of_a_run_are_read() {
    let Action::Run(run) = parsed(
        "sluicegate run p.yaml -c 8 -d 1m30s -R 200/s --warmup 2s --overload deadline:500ms --seed 7 --lanes 2 --http 2 \
         --target http://127.0.0.1:8080/prod --drift 'a.b * 2' --drift 'c = 5ms' -H 'accept: a/b' --format json -q",
    ) else {
        panic!("not a run")
    };
    assert_eq!(run.load.connections, Some(8));
    assert_eq!(run.load.duration, Some(Span::from_secs(90)));
    assert_eq!(run.load.rate, Some(RateText("200/s".to_owned())));
    assert_eq!(run.load.seed, Some(7));
    assert_eq!(run.target.drift, [DriftText("a.b * 2".to_owned()), DriftText("c = 5ms".to_owned())]);
    assert_eq!(run.target.http, HttpVersion::Http2);
    assert_eq!(run.target.headers.len(), 1);
    assert_eq!(run.output.format, OutputFormat::Json);
    assert!(run.output.quiet && !run.output.print_plan);
}

#[test]
fn a_search_has_thresholds_a_step_and_a_precision() {
    let Action::Run(run) =
        parsed("sluicegate run p.yaml --find-rate 'p99 < 300ms, errors < 0.1%' --find-step 5s --find-precision 2%")
    else {
        panic!("not a run")
    };
    assert_eq!(run.find.find_rate.map(|held| held.to_string()), Some("latency p99 < 300ms, errors < 0.1%".to_owned()));
    assert_eq!((run.find.find_step, run.find.find_precision, run.find.find_passes), (Span::from_secs(5), 0.02, 3));
    assert_eq!(refusal("sluicegate run p.yaml --find-rate 'p99 < 1s' -d 10s").kind(), ErrorKind::ArgumentConflict);
    assert_eq!(refusal("sluicegate run p.yaml --find-step 5s").kind(), ErrorKind::MissingRequiredArgument);
}

#[test]
fn a_replay_has_a_speed_or_a_rate() {
    let Action::Replay(replay) = parsed("sluicegate replay a.log --speed 2x --loop 3 --stamp end") else {
        panic!("not a replay")
    };
    assert_eq!((replay.speed, replay.times), (Some(Speed(2.0)), 3));
    assert_eq!(refusal("sluicegate replay a.log --speed 2x --rate 5/s").kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn wrong_usage_exits_with_two_and_says_what_would_work() {
    for (line, says) in [
        ("sluicegate run", "<PROFILE>"),
        ("sluicegate run p.yaml -R 200", "200/s or 12000/min"),
        ("sluicegate run p.yaml -d 20", "500us"),
        ("sluicegate run p.yaml -c 0", "1..=1000000"),
        ("sluicegate run p.yaml --target localhost", "http://127.0.0.1:8080/prod"),
        ("sluicegate run p.yaml --drift faster", "functions.orders.duration * 1.5"),
        ("sluicegate run p.yaml --find-rate 'p99 > 1s'", "write e.g. \"p99 < 300ms\""),
        ("sluicegate run p.yaml --find-rate 'p99 < 1s' --find-precision 5", "write e.g. 5%"),
        ("sluicegate replay a.log --log-format regex", "--pattern"),
        ("sluicegate mock p.yaml --listen here", "--listen"),
        ("sluicegate design --integrations lambda,queue", "[possible values: lambda, vpc, http, aws, mock]"),
        ("sluicegate simulat p.yaml", "'simulate'"),
    ] {
        let error = refusal(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(says), "{line}: {error}");
    }
}

#[test]
fn what_the_mock_of_a_run_is_told_stays_out_of_the_help() {
    let Action::Mock(mock) = parsed("sluicegate mock p.yaml --arrivals a.bin --until-stdin-closes --awaits-begin") else {
        panic!("not a mock")
    };
    assert!(mock.until_stdin_closes && mock.awaits_begin);
    let mut top = command();
    let help = top.find_subcommand_mut("mock").expect("there is a mock").render_long_help().to_string();
    assert!(!help.contains("--arrivals") && help.contains("--listen"));
}
