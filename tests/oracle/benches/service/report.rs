//! What is printed.

use crate::{measured::Measured, setting::Setting, workload::WORKLOADS};

/// Hello at 50 at once, with every event synced that was acknowledged.
const TARGET_PER_SECOND: f64 = 2_500.0;
/// Median of one Hello after another: so many syncs, and so much beside them.
const TARGET_SYNCS: f64 = 2.0;
const TARGET_REST_MS: f64 = 1.0;

/// More processors than this that others used make times doubtful.
const OTHERS_CPUS: f64 = 0.2;

/// The head of the table of [`row`]s.
pub fn head() {
    println!(
        "| workload | setting | workflows | per second | p50 | p99 | CPU of service | of worker | of client \
         | on disk |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
}

/// CPU and bytes are those of one workflow.
pub fn row(measured: &Measured, setting: Setting) {
    let worker = match setting {
        Setting::InProcess => "in it".to_owned(),
        _ => time_us(measured.worker_cpu_us),
    };
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {worker} | {} | {} |",
        measured.workload,
        setting.description(),
        measured.workflows,
        number(measured.workflows_per_second),
        time_us(Some(measured.p50_ms * 1e3)),
        time_us(Some(measured.p99_ms * 1e3)),
        time_us(measured.service_cpu_us),
        time_us(measured.client_cpu_us),
        measured.disk_bytes.map_or_else(|| "-".to_owned(), bytes),
    );
}

/// What the table does not say: ratios, targets, threads, and what makes it doubtful.
pub fn rest(all: &[Measured]) {
    ratios(all);
    targets(all);
    threads(all);
    let busiest = all.iter().filter_map(|it| it.others_cpus).fold(0.0, f64::max);
    if busiest > OTHERS_CPUS {
        println!(
            "\nOthers used up to {busiest:.1} processors meanwhile (kernel threads included): times say \
             too much, CPU per workflow less so."
        );
    }
}

fn find<'a>(all: &'a [Measured], workload: &str, setting: Setting) -> Option<&'a Measured> {
    all.iter().find(|it| it.workload == workload && it.setting == setting.name())
}

/// Ours against Temporal's development server.
fn ratios(all: &[Measured]) {
    if !all.iter().any(|it| it.setting == Setting::StartDev.name()) {
        return;
    }
    println!("\nWorkflows per second, and CPU per workflow of service and worker together, as multiples:\n");
    println!("| workload | setting | per second, of start-dev in memory | on a file | its CPU | on a file |");
    println!("|---|---|---|---|---|---|");
    for workload in &WORKLOADS {
        for setting in Setting::ALL.into_iter().filter(|it| it.is_ours()) {
            let Some(ours) = find(all, workload.name, setting) else { continue };
            let speed = |theirs| {
                let theirs = find(all, workload.name, theirs)?;
                Some(ours.workflows_per_second / theirs.workflows_per_second)
            };
            let cpu = |theirs| Some(find(all, workload.name, theirs)?.cpu_us()? / ours.cpu_us()?);
            println!(
                "| {} | {} | {} | {} | {} | {} |",
                workload.name,
                setting.description(),
                times(speed(Setting::StartDev)),
                times(speed(Setting::StartDevFile)),
                times(cpu(Setting::StartDev)),
                times(cpu(Setting::StartDevFile)),
            );
        }
    }
}

impl Measured {
    /// Of service and worker.
    fn cpu_us(&self) -> Option<f64> {
        Some(self.service_cpu_us? + self.worker_cpu_us.unwrap_or_default())
    }
}

fn targets(all: &[Measured]) {
    println!();
    for setting in [Setting::InProcess, Setting::Grpc] {
        let name = setting.description();
        if let Some(many) = find(all, "Hello, 50 at once", setting) {
            let reached = many.workflows_per_second;
            println!(
                "{name}: target {TARGET_PER_SECOND} Hello/s at 50 at once, all synced; measured {} ({:.0} %)",
                number(reached),
                reached / TARGET_PER_SECOND * 100.0
            );
        }
        if let Some((one, sync)) =
            find(all, "Hello, 1 at once", setting).and_then(|one| Some((one, one.sync_ms?)))
        {
            let target = TARGET_SYNCS * sync + TARGET_REST_MS;
            println!(
                "{name}: target {target:.2} ms for the median of one at a time ({TARGET_SYNCS} syncs of \
                 {sync:.2} ms and {TARGET_REST_MS} ms); measured {:.2} ms ({:.0} %)",
                one.p50_ms,
                one.p50_ms / target * 100.0
            );
        }
    }
}

/// Which threads of the one process take the CPU: those of the runtime serve both service and worker,
/// so there is no other way to tell the two apart.
fn threads(all: &[Measured]) {
    let ours = all.iter().filter(|it| it.setting == Setting::InProcess.name());
    for measured in ours.filter(|it| !it.service_threads_cpu_us.is_empty()) {
        let threads: Vec<String> = measured
            .service_threads_cpu_us
            .iter()
            .map(|(name, used)| format!("{name} {}", time_us(Some(*used))))
            .collect();
        println!(
            "\n{}, {}, CPU by threads: {}",
            measured.workload,
            Setting::InProcess.description(),
            threads.join(", ")
        );
    }
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{} ×", number(ratio)))
}

fn time_us(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(us) if us < 1e3 => format!("{us:.0} µs"),
        Some(us) if us < 1e6 => format!("{} ms", number(us / 1e3)),
        Some(us) => format!("{:.1} s", us / 1e6),
    }
}

fn bytes(value: f64) -> String {
    if value < 1e3 { format!("{value:.0} B") } else { format!("{} KB", number(value / 1e3)) }
}
