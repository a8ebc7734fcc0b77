//! The samples do what their texts say.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use test_harness::{component, run};

use crate::environment::Environment;

pub(crate) fn greetings(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = scene.host("greetings", &[component("greetings")?], &[])?;
    let output = scene.cli(&[
        "workflow",
        "execute",
        "--type",
        "Greetings",
        "--task-queue",
        &scene.task_queue,
        "--workflow-id",
        "greetings",
        "--input",
        "\"World\"",
    ])?;
    ensure!(output.code == 0 && output.stdout.contains("Hello, World!"), "{output:?}");
    ensure!(
        scene.event_types("greetings")?
            == [
                "WORKFLOW_EXECUTION_STARTED",
                "WORKFLOW_TASK_SCHEDULED",
                "WORKFLOW_TASK_STARTED",
                "WORKFLOW_TASK_COMPLETED",
                "ACTIVITY_TASK_SCHEDULED",
                "ACTIVITY_TASK_STARTED",
                "ACTIVITY_TASK_COMPLETED",
                "WORKFLOW_TASK_SCHEDULED",
                "WORKFLOW_TASK_STARTED",
                "WORKFLOW_TASK_COMPLETED",
                "WORKFLOW_EXECUTION_COMPLETED",
            ]
    );
    let history = scene.history("greetings")?;
    let build_id = &history["events"][3]["workflowTaskCompletedEventAttributes"]["workerVersion"]["buildId"];
    ensure!(
        build_id.as_str().is_some_and(|id| id.starts_with("wasm-sha256-")),
        "the completed task names no module: {build_id}"
    );
    ensure!(host.stop()? == 0);
    Ok(())
}

pub(crate) fn orders(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("orders", &[component("orders")?], &[])?;
    let order = json!({"id": "7", "card": "visa", "packing_seconds": 1, "items": [
        {"sku": "tea", "quantity": 2, "price_cents": 450},
        {"sku": "cup", "quantity": 1, "price_cents": 1200},
    ]});
    scene.start("Orders", "orders", &order.to_string())?;
    ensure!(
        scene.completed("orders")?
            == json!({"total_cents": 2100, "reservations": ["7/2xtea", "7/1xcup"], "tracking": "parcel-7-2"})
    );
    let types = scene.event_types("orders")?;
    ensure!(types.iter().any(|event| event == "TIMER_FIRED"), "{types:?}");
    Ok(())
}

pub(crate) fn orders_compensated(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("orders", &[component("orders")?], &[])?;
    let order = json!({"id": "8", "card": "declined", "items": [
        {"sku": "tea", "quantity": 2, "price_cents": 450},
    ]});
    scene.start("Orders", "declined", &order.to_string())?;
    let output = scene.result("declined")?;
    ensure!(output.code == 1, "{output:?}");
    let text = format!("{}{}", output.stdout, output.stderr);
    ensure!(text.contains("CardDeclined") && text.contains("the bank says no"), "{text}");
    let history = scene.history("declined")?.to_string();
    ensure!(history.contains("\"release\"") && !history.contains("\"refund\""), "{history}");
    Ok(())
}

pub(crate) fn inventory(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let tree = scene.folder.path().join("tree");
    plant(&tree)?;
    let _host = scene.host("inventory", &[component("file-inventory")?], &[])?;
    scene.start("Inventory", "inventory", &json!({"root": tree}).to_string())?;
    let report = scene.completed("inventory")?;
    ensure!(report["files"] == 303, "{report}");
    for (field, command) in [
        ("bytes", "xargs -d '\\n' cat | wc -c"),
        ("lines", "xargs -d '\\n' cat | wc -l"),
        ("manifest_sha256", "xargs -d '\\n' sha256sum | sha256sum | cut -d ' ' -f 1"),
    ] {
        let list = "find . -type f -not -path '*/.git/*' -printf '%P\\n' | LC_ALL=C sort";
        let output = run(std::process::Command::new("sh")
            .args(["-c", &format!("{list} | {command}")])
            .current_dir(&tree))?;
        let ours = &report[field];
        let ours = ours.as_str().map_or_else(|| ours.to_string(), str::to_owned);
        ensure!(ours == output.stdout.trim(), "{field}: {ours}, {command}: {}", output.stdout);
    }
    let [fast, small] =
        ["deflate_1_bytes", "deflate_9_bytes"].map(|field| report["compressed"][field].as_u64());
    ensure!(small.is_some() && small < fast, "{report}");
    Ok(())
}

/// 303 files: in folders, empty, with spaces in their names, binary, and one folder that is left out.
fn plant(tree: &Path) -> Result<()> {
    for folder in ["a", "a.b", "deep/er", ".git"] {
        std::fs::create_dir_all(tree.join(folder))?;
    }
    for number in 0..300 {
        let text = "a line of text\n".repeat(number % 17).replace("text", &format!("text {number}"));
        std::fs::write(tree.join("deep/er").join(format!("file {number}")), text)?;
    }
    std::fs::write(tree.join("a/empty"), "")?;
    std::fs::write(tree.join("a.b/no newline at the end"), "one\ntwo")?;
    std::fs::write(tree.join("a/binary"), (0..=255).collect::<Vec<u8>>().repeat(400))?;
    std::fs::write(tree.join(".git/config"), "left out")?;
    Ok(())
}

pub(crate) fn history_json_is_that_of_the_cli(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("orders", &[component("orders")?], &[])?;
    let order = json!({"id": "9", "card": "declined", "items": [
        {"sku": "tea", "quantity": 2, "price_cents": 450},
        {"sku": "nothing", "quantity": 2, "price_cents": 450},
    ]});
    scene.start("Orders", "compared", &order.to_string())?;
    let _ = scene.result("compared")?;
    let show = ["workflow", "show", "--workflow-id", "compared", "--output", "json"];
    let ours = scene.cli(&show)?;
    let theirs = run(&mut scene.temporal(&show)?)?;
    ensure!(ours.stdout == theirs.stdout, "ours: {}\ntheirs: {}", ours.stdout, theirs.stdout);
    ensure!(ours.stdout.contains("OutOfStock"));
    Ok(())
}

pub(crate) fn cancel(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("orders", &[component("orders")?], &[])?;
    let order = json!({"id": "10", "card": "visa", "packing_seconds": 3600, "items": []});
    scene.start("Orders", "cancelled", &order.to_string())?;
    scene.wait_until("the timer", || {
        Ok(scene.event_types("cancelled")?.iter().any(|event| event == "TIMER_STARTED"))
    })?;
    let asked = scene.cli(&["workflow", "cancel", "--workflow-id", "cancelled"])?;
    ensure!(asked.code == 0, "{asked:?}");
    let output = scene.result("cancelled")?;
    ensure!(output.code == 1, "{output:?}");
    let last = scene.event_types("cancelled")?.pop().context("no events")?;
    ensure!(last == "WORKFLOW_EXECUTION_CANCELED", "{last}");
    let history = scene.history("cancelled")?.to_string();
    ensure!(history.contains("\"refund\""), "what was charged is not refunded: {history}");
    Ok(())
}
