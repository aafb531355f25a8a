"""Runs tasks in images with the official SDK: many instances of one, a private one, and what goes wrong. Prints what it saw as JSON."""
import json
import sys

import qarnot

OPEN, CLOSED, USER, PASSWORD = sys.argv[1:5]
conn = qarnot.Connection()


def begin(name, count, server, repository, command, **constants):
    task = conn.create_task(name, constants.pop("profile", "docker-batch"), count)
    task.constants["DOCKER_SRV"] = server
    task.constants["DOCKER_REPO"] = repository
    task.constants["DOCKER_TAG"] = "v1"
    task.constants["DOCKER_CMD"] = command
    for key, value in constants.items():
        task.constants[key] = value
    task.submit()
    return task


def end(task):
    while not task.wait(timeout=1):
        pass
    task.update(flushcache=True)
    return {
        "uuid": task.uuid,
        "state": task.state,
        "stdout": sorted(task.stdout().splitlines()),
        "errors": [[error.code, error.message] for error in task.errors],
        "constants": dict(task.constants),
    }


login = {"DOCKER_REGISTRY_LOGIN": USER, "DOCKER_REGISTRY_PASSWORD": PASSWORD}
wrong = {"DOCKER_REGISTRY_LOGIN": USER, "DOCKER_REGISTRY_PASSWORD": "wrong-" + PASSWORD}
# While it is pulled for the first time.
many = begin("many", 10, OPEN, "team/tool", "World ${INSTANCE_ID}")
secret = begin("secret", 1, CLOSED, "team/secret", "-c 'cat /app/mark; env; cat /proc/self/environ'", **login)
refused = begin("refused", 1, CLOSED, "team/secret", "true", **wrong)
missing = begin("missing", 1, OPEN, "team/missing", "true")
named = begin("named", 1, CLOSED, "team/secret", "-c 'cat /etc/resolv.conf'", profile="docker-network", **login)
result = {"many": end(many), "secret": end(secret), "refused": end(refused), "missing": end(missing), "named": end(named)}
print(json.dumps(result))
