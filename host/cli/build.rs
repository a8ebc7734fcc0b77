//! Refuses to be built for the sandbox, and says what to do instead. For WebAssembly this crate has no dependencies, so that
//! none of them fails before with words about itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let families = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    if families.split(',').any(|family| family == "wasm") {
        println!(
            "cargo::error=`host` is for the native build: put it, and what only activities need, under \
             [target.'cfg(not(target_family = \"wasm\"))'.dependencies]"
        );
    }
}
