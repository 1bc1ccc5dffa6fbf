"""`lock-agent rotate-root`: the next root secret is made, and later put in the place of the one before.

It changes nothing else: what is under the root secret is moved by the agent at its start, as its own user,
while this may have to be done by root.
"""

import argparse

_OF_CREDENTIAL = """\
The root secret is the systemd credential {name}: root makes the next one, where it is on no disk,
  lock-agent new-root-secret /run/{name}-next
  systemd-creds encrypt --with-key=tpm2 --name={name}-next /run/{name}-next /etc/lock-agent/{name}-next.cred
  chmod 0444 /etc/lock-agent/{name}-next.cred
  shred --remove /run/{name}-next
then, with systemctl edit lock-agent, beside the line for {name}:
  LoadCredentialEncrypted={name}-next:/etc/lock-agent/{name}-next.cred
and restart the agent. Once lockctl doctor says that everything is under it, run this with --finish."""
_NAME_IT = """\
Root gives the next one its name; the name is sealed in, so renaming the file is not enough:
  cd /etc/lock-agent
  systemd-creds decrypt --name={name}-next {name}-next.cred - |
    systemd-creds encrypt --with-key=tpm2 --name={name} - {name}.new
  chmod 0444 {name}.new
  mv {name}.new {name}.cred
  rm {name}-next.cred
then take the line for {name}-next out again (systemctl edit lock-agent), and restart the agent."""


def rotate_root(options: argparse.Namespace) -> int:
    """Say what was done and what comes next. Raises SecretFault."""
    from agent.assemble import secret_source
    from agent.config import load_config
    from agent.root_change import finish, make_next

    config = load_config(options.config)
    source = secret_source(config)
    if source.file is None:
        print((_NAME_IT if options.finish else _OF_CREDENTIAL).format(name=source.credential))
    elif not options.finish:
        print(f"made {make_next(source.file)}; now restart the agent: it moves everything under it")
        print("Then run this with --finish, unless lockctl doctor says that there is nothing to finish.")
    elif finish(config.state_dir, source.file):
        print(f"{source.file} is the new root secret; the one before is gone")
    else:
        print("there is nothing to finish")
    return 0
