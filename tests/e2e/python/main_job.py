"""The main job of a user, with the official Python SDK and nothing else.

Reads QARNOT_* from the environment as the SDK does, prints one JSON document with what it saw.
Usage: main_job.py WORK_FOLDER
"""

import json
import os
import sys
import time

import qarnot
from qarnot.exceptions import MissingTaskException, UnauthorizedException

TERMINAL = ("Success", "Failure", "Cancelled")


def wait_until(condition, what, timeout_s=90):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(what)


def follow(task, seen, output):
    """Notes each new state and collects fresh output until the task is over."""

    def step():
        task.update(True)
        if not seen or seen[-1] != task.state:
            seen.append(task.state)
        output.append(task.fresh_stdout())
        return task.state in TERMINAL

    wait_until(step, "the task did not end; states: %s" % seen)
    output.append(task.fresh_stdout())


def main(folder):
    seen = {}
    connection = qarnot.Connection()
    seen["email"] = connection.user_info.email
    seen["profiles"] = connection.profiles_names()

    source = os.path.join(folder, "input")
    os.makedirs(os.path.join(source, "nested"))
    with open(os.path.join(source, "numbers.txt"), "w") as file:
        file.write("1\n2\n3\n4\n")
    with open(os.path.join(source, "nested", "ünïcode name +.txt"), "w") as file:
        file.write("nested input\n")
    with open(os.path.join(source, "large.bin"), "wb") as file:
        file.write(os.urandom(1 << 20) * 20)

    inputs = connection.create_bucket("sdk-input-%s" % os.getpid())
    inputs.sync_directory(source)
    seen["uploaded"] = sorted(entry.key for entry in inputs.list_files())
    results = connection.create_bucket("sdk-results-%s" % os.getpid())

    task = connection.create_task("sdk main job", "docker-batch", 4)
    task.resources.append(inputs)
    task.results = results
    task.constants["FACTOR"] = "10"
    task.constants["DOCKER_CMD"] = (
        "sh -c 'echo instance ${INSTANCE_ID} of $INSTANCE_COUNT; "
        'echo problem ${INSTANCE_ID} >&2; '
        'line=$(sed -n "$((INSTANCE_ID + 1))p" numbers.txt); mkdir -p out; '
        'echo $((line * FACTOR)) > "out/result-$INSTANCE_ID.txt"; cat nested/* | wc -l; sleep 0.3\''
    )
    task.tags = ["e2e", "main"]
    task.submit()
    states, output = [], []
    follow(task, states, output)
    task.wait(timeout=1)
    seen["states"] = states
    seen["state"] = task.state
    seen["previous_state"] = task._previous_state
    seen["errors"] = [str(error) for error in task.errors]
    seen["fresh_stdout"] = "".join(output)
    seen["stdout"] = task.stdout()
    seen["stderr"] = task.stderr()
    seen["stdout_of_2"] = task.stdout(2)
    target = os.path.join(folder, "downloaded")
    task.download_results(target)
    files = {}
    for root, _, names in os.walk(target):
        for name in names:
            path = os.path.join(root, name)
            with open(path) as file:
                files[os.path.relpath(path, target)] = file.read()
    seen["results"] = files
    seen["completed_instances"] = sorted(
        [instance.instance_id, instance.state, instance.execution_attempt_count] for instance in task.completed_instances
    )
    seen["ranges"] = [task.status.succeeded_range, task.status.executed_range, task.status.failed_range]
    seen["credits"] = task.credits().amount_in_euros
    seen["account_credits"] = connection.credits().amount_in_euros
    seen["listed"] = task.uuid in [other.uuid for other in connection.tasks(tags=["e2e"])]

    failing = connection.create_task("sdk failing job", "docker-batch", 1)
    failing.constants["DOCKER_CMD"] = "sh -c 'echo broken >&2; exit 3'"
    failing.submit()
    follow(failing, [], [])
    seen["failing"] = [failing.state, [[error.code, error.message] for error in failing.errors]]

    aborted = connection.create_task("sdk aborted job", "docker-batch", 2)
    aborted.constants["DOCKER_CMD"] = "sleep 3600"
    aborted.submit()

    def is_executing():
        aborted.update(True)
        return aborted.state in ("PartiallyExecuting", "FullyExecuting")

    wait_until(is_executing, "the task to abort did not start; it is %s" % aborted.state)
    aborted.abort()
    seen["after_abort"] = aborted.state
    wait_until(lambda: (aborted.update(True), aborted.state == "Cancelled")[1], "the task was not cancelled")
    seen["aborted"] = aborted.state
    try:
        aborted.abort()
        seen["abort_again"] = "accepted"
    except UnauthorizedException as error:
        seen["abort_again"] = "refused"

    uuids = [task.uuid, aborted.uuid]
    task.delete(purge_resources=True, purge_results=True)
    aborted.delete()
    gone = []
    for uuid in uuids:
        try:
            connection.retrieve_task(uuid)
            gone.append(False)
        except MissingTaskException:
            gone.append(True)
    seen["gone"] = gone
    seen["buckets_left"] = [bucket.uuid for bucket in connection.buckets() if bucket.uuid.startswith("sdk-") and bucket.uuid.endswith("-%s" % os.getpid())]
    failing.delete()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
