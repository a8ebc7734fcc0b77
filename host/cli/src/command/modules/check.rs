//! `host modules check`.

use std::path::PathBuf;

use clap::Args;

use super::{Examined, examine, type_name};
use crate::{
    exit::{Reported, chain},
    output::{Output, json::Object},
};

/// Says whether files are modules that a host would run: components that implement the contract and
/// import nothing that a workflow may not have.
///
/// The exit code is 1 when one of them is not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules check target/wasm32-wasip2/workflow/orders.wasm
  host modules check modules/ && cp modules/*.wasm /srv/workflows/")]
pub(crate) struct Check {
    /// Module files, or folders of *.wasm files.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let mut all_good = true;
        for Examined { path, module, .. } in examine(&self.paths)? {
            let (types, problem): (Vec<String>, _) = match &module {
                Ok(module) => {
                    let definitions = module.definitions().iter();
                    (definitions.map(|definition| definition.name.clone()).collect(), None)
                }
                Err(_) => (Vec::new(), module.map_err(|error| chain(&error.into())).err()),
            };
            all_good &= problem.is_none();
            if !output.is_text() {
                let object = Object::new()
                    .field("path", path.display().to_string())
                    .field("ok", problem.is_none())
                    .field("workflowTypes", types);
                output.object(match &problem {
                    Some(problem) => object.field("problem", problem),
                    None => object,
                })?;
                continue;
            }
            output.line(match problem {
                None => {
                    let types: Vec<&str> = types.iter().map(|name| type_name(name)).collect();
                    format!("ok       {}: {}", path.display(), types.join(", "))
                }
                Some(problem) => format!("refused  {}: {problem}", path.display()),
            })?;
        }
        if all_good { Ok(()) } else { Err(Reported.into()) }
    }
}
