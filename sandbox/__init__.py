"""A real Kubernetes control plane on one machine, built from pinned Go modules, for tests, the demo and development.

It is never shipped in the wheel. Start with `python -m sandbox --help`; docs/sandbox.md tells the rest.

Where a line lives: `components` and `build` make programs, `folder` and `process` know what runs and where that is
written down, `pki`, `kubeconfig` and `ports` make what the programs need, `controlplane` and `kwok` say how each is
started, `start` orders the steps, `status` looks, `cluster` has the commands, `cli` talks to people.
"""
