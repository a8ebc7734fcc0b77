//! `kill -9` of a host at any moment: after a restart everything goes on.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use test_harness::component;

use crate::environment::Environment;

/// How often the host is killed.
const KILLS: u32 = 3;

/// Workflows that run meanwhile.
const WORKFLOWS: u32 = 10;

pub(crate) fn killed_host_goes_on(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let modules = [component("orders")?];
    for number in 0..WORKFLOWS {
        let order = json!({"id": number.to_string(), "card": "visa", "packing_seconds": 1 + number % 4, "items": [
            {"sku": "tea", "quantity": 1, "price_cents": 100},
        ]});
        scene.start("Orders", &format!("survivor-{number}"), &order.to_string())?;
    }
    for kill in 0..KILLS {
        let host = scene.host("orders", &modules, &[])?;
        std::thread::sleep(Duration::from_millis(300 + 400 * u64::from(kill)));
        host.kill()?;
    }
    let _host = scene.host("orders", &modules, &[])?;
    for number in 0..WORKFLOWS {
        let shipped = scene.completed(&format!("survivor-{number}"))?;
        ensure!(shipped["tracking"] == format!("parcel-{number}-1"), "{shipped}");
    }
    Ok(())
}
