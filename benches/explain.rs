//! What it takes to explain a process from outside: time, processor time, and the most memory, from the start of the
//! reader to the end of the report. Each pass in a process of its own. Linux only.
//!
//! Builds the programs that it explains, this project's own with full debug info among them, which takes minutes and
//! two gigabytes the first time.

// The part of unstuck that explains processes needs the cfg.
#[cfg(tokio_unstable)]
mod explaining {
    use std::collections::HashMap;
    use std::error::Error;
    use std::io::{BufRead as _, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;
    use std::{env, fs, io};

    use unstuck::explain;
    use unstuck::report::page::{Detail, Page};
    use unstuck::report::process::render;

    const PASSES: usize = 5;

    /// Libraries that read debug info. This project's profile optimizes them in dev builds, and others' do not.
    const OPTIMIZED: [&str; 6] = [
        "gimli",
        "memchr",
        "miniz_oxide",
        "object",
        "rustc-demangle",
        "unstuck-inspect",
    ];

    /// How the program that reads was built.
    #[derive(Clone, Copy)]
    enum Reader {
        Release,
        /// Without any optimization, and it prints more.
        Unoptimized,
    }

    struct Case {
        name: &'static str,
        program: Program,
        reader: Reader,
        /// The most that it may take.
        seconds: f64,
        megabytes: Option<u64>,
    }

    enum Program {
        /// One that the reader is tested with, and its arguments.
        Test(&'static [&'static str]),
        /// This project's.
        Own,
    }

    const CASES: [Case; 5] = [
        Case {
            name: "small program",
            program: Program::Test(&["primitives"]),
            reader: Reader::Release,
            seconds: 0.15,
            megabytes: None,
        },
        Case {
            name: "own program",
            program: Program::Own,
            reader: Reader::Release,
            seconds: 0.6,
            megabytes: None,
        },
        Case {
            name: "own program, unoptimized reader",
            program: Program::Own,
            reader: Reader::Unoptimized,
            seconds: 3.0,
            megabytes: None,
        },
        Case {
            name: "100,000 parked tasks",
            program: Program::Test(&["parked", "100000"]),
            reader: Reader::Release,
            seconds: 1.0,
            megabytes: Some(200),
        },
        Case {
            name: "1,000,000 parked tasks",
            program: Program::Test(&["parked", "1000000"]),
            reader: Reader::Release,
            seconds: 8.0,
            megabytes: None,
        },
    ];

    /// A program that waits. It is killed when this is dropped.
    struct Waiting(Child);

    impl Drop for Waiting {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Program {
        /// Starts it, and waits until it has nothing left to do.
        fn start(&self) -> Result<Waiting, Box<dyn Error>> {
            let mut command = match self {
                Self::Test(arguments) => {
                    let built = build("crates/inspect/tests/programs", "programs", &[], Some(""))?;
                    let mut command = Command::new(built.join("programs"));
                    command.args(*arguments).stdout(Stdio::piped());
                    command
                }
                Self::Own => {
                    let built = build("", "own", &["--bin", "unstuck"], None)?;
                    let mut command = Command::new(built.join("unstuck"));
                    command.args(["run", "--only", "join-all", "--hold"]);
                    command.stdout(Stdio::null()).stderr(Stdio::piped());
                    command
                }
            };
            let mut waiting = Waiting(command.stdin(Stdio::piped()).spawn()?);
            let lines: Box<dyn Iterator<Item = io::Result<String>>> =
                match (waiting.0.stdout.take(), waiting.0.stderr.take()) {
                    (Some(out), _) => Box::new(BufReader::new(out).lines()),
                    (_, Some(messages)) => Box::new(BufReader::new(messages).lines()),
                    (None, None) => return Err("no output".into()),
                };
            for line in lines {
                let line = line?;
                if line == "ready" || line.contains("held") {
                    return Ok(waiting);
                }
            }
            Err("the program ended early".into())
        }
    }

    /// Builds a package in dev mode with full debug info, and returns the folder with what was built.
    fn build(
        package: &str,
        target: &str,
        arguments: &[&str],
        flags: Option<&str>,
    ) -> Result<PathBuf, Box<dyn Error>> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(target);
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--quiet", "--target-dir"]);
        cargo.arg(&target).args(arguments).current_dir(package);
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "true");
        cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
        if let Some(flags) = flags {
            cargo.env("RUSTFLAGS", flags);
        }
        if !cargo.status()?.success() {
            return Err(format!("{cargo:?} failed").into());
        }
        Ok(target.join("debug"))
    }

    impl Reader {
        fn build(self) -> Result<PathBuf, Box<dyn Error>> {
            match self {
                Self::Release => Ok(env::current_exe()?),
                Self::Unoptimized => {
                    let settings = OPTIMIZED
                        .map(|library| format!("profile.dev.package.{library}.opt-level=0"));
                    let mut arguments = vec!["-p", "unstuck-inspect", "--example", "tasks"];
                    for setting in &settings {
                        arguments.extend(["--config", setting]);
                    }
                    let built = build("", "unoptimized", &arguments, Some(""))?;
                    Ok(built.join("examples/tasks"))
                }
            }
        }
    }

    /// In a pass's own process: the id of the process that it explains.
    const PASS: &str = "UNSTUCK_EXPLAIN_PROCESS";

    /// Explains a process, and prints what that took: processor time in seconds, memory in megabytes, lines of the
    /// report.
    fn explain_once(id: u32) -> Result<(), Box<dyn Error>> {
        let report = render(&explain::live(id)?, Detail::Brief, Page::Plain);
        // In hundredths of a second, with what threads took that have ended.
        let stat = fs::read_to_string("/proc/self/stat")?;
        let (_, fields) = stat.rsplit_once(") ").ok_or("no state")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
        let ticks: f64 = ticks.collect::<Result<Vec<f64>, _>>()?.iter().sum();
        let status = fs::read_to_string("/proc/self/status")?;
        let most = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let most: u64 = most.ok_or("no memory")?.parse()?;
        let lines = report.lines().count();
        println!("{} {} {lines}", ticks / 100.0, most >> 10);
        Ok(())
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        if let Ok(id) = env::var(PASS) {
            return explain_once(id.parse()?);
        }
        let only = env::args()
            .skip(1)
            .find(|argument| !argument.starts_with('-'));
        println!(
            "{:32} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "", "least s", "median s", "at most", "cpu s", "MB", "at most", "lines"
        );
        let mut least_of = HashMap::new();
        for case in &CASES {
            if only
                .as_ref()
                .is_some_and(|only| !case.name.contains(&**only))
            {
                continue;
            }
            let waiting = case.program.start()?;
            let id = waiting.0.id().to_string();
            let reader = case.reader.build()?;
            let mut times = Vec::new();
            let mut said = String::new();
            for _ in 0..PASSES {
                let mut reader = Command::new(&reader);
                reader.arg(&id).env(PASS, &id);
                let begun = Instant::now();
                let output = reader.output()?;
                times.push(begun.elapsed().as_secs_f64());
                if !output.status.success() {
                    return Err(String::from_utf8(output.stderr)?.into());
                }
                said = String::from_utf8(output.stdout)?;
            }
            times.sort_by(f64::total_cmp);
            let measured: Vec<&str> = match case.reader {
                Reader::Release => said.split_whitespace().collect(),
                Reader::Unoptimized => vec!["-"; 3],
            };
            let megabytes = case.megabytes.map_or("-".to_owned(), |it| it.to_string());
            println!(
                "{:32} {:8.2} {:8.2} {:8.2} {:>8} {:>8} {megabytes:>8} {:>8}",
                case.name,
                times[0],
                times[PASSES / 2],
                case.seconds,
                measured[0],
                measured[1],
                measured[2],
            );
            least_of.insert(case.name, times[0]);
        }
        let [.., thousands, millions] = CASES.map(|case| least_of.get(case.name).copied());
        if let (Some(thousands), Some(millions)) = (thousands, millions) {
            println!(
                "ten times as many tasks take {:.1} times as long",
                millions / thousands
            );
        }
        Ok(())
    }
}

#[cfg(tokio_unstable)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    explaining::main()
}

#[cfg(not(tokio_unstable))]
fn main() {}
