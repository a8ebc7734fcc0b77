//! A module that makes the compiler work for hours is refused; workflows that run already do not notice.

use anyhow::{Context, Result, ensure};
use test_harness::{Host, compiler_bomb, component};

use crate::environment::{Environment, Scene};

const VARIABLES: u32 = 20_000;
const LOOPS: u32 = 20_000;

/// Argument of every host here. Good modules are compiled beforehand, so that it does not refuse them.
const COMPILE_TIMEOUT: [&str; 2] = ["--compile-timeout", "3s"];

/// The reason with which the host refuses the bomb.
const REFUSED: &str = "the module does not compile: the compiler took more than 3s";

pub(crate) fn a_bomb_at_the_start(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let module = scene.folder.path().join("bomb.wasm");
    std::fs::write(&module, compiler_bomb(VARIABLES, LOOPS))?;
    let started = scene.host("host", &[module], &COMPILE_TIMEOUT);
    let error = started.err().context("a host with a bomb starts")?.to_string();
    ensure!(error.contains("exit status: 1") && error.contains("bomb.wasm"), "{error}");
    ensure!(error.contains(REFUSED), "{error}");
    Ok(())
}

fn greets(scene: &Scene<'_>, id: &str) -> Result<()> {
    scene.start("Greetings", id, "\"World\"")?;
    ensure!(scene.completed(id)? == "Hello, World!");
    Ok(())
}

pub(crate) fn a_bomb_while_running(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let modules = scene.folder.path().join("modules");
    std::fs::create_dir(&modules)?;
    std::fs::copy(component("greetings")?, modules.join("greetings.wasm"))?;
    let compiling = scene.host("greetings", std::slice::from_ref(&modules), &[])?;
    ensure!(compiling.stop()? == 0);

    let arguments = [&["--watch"], &COMPILE_TIMEOUT[..]].concat();
    let mut host = scene.host("greetings", std::slice::from_ref(&modules), &arguments)?;
    greets(&scene, "before-the-bomb")?;
    let draft = scene.folder.path().join("bomb");
    std::fs::write(&draft, compiler_bomb(VARIABLES, LOOPS))?;
    Host::replace_file(&draft, &modules.join("bomb.wasm"))?;
    for number in 0..5 {
        greets(&scene, &format!("beside-the-bomb-{number}"))?;
    }
    host.wait_for_log(REFUSED)?;
    ensure!(host.log().contains("not admitted"), "{}", host.log());
    greets(&scene, "after-the-bomb")?;
    ensure!(host.stop()? == 0);
    Ok(())
}
