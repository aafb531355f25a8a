"""The rows of the contract as the official Python SDK works through them, with nothing but its public methods.

Each function below is one test: its rows stand in front of it, it raises when something is not as it must be. The answers arrive
through QARNOT_CLUSTER_URL. Prints one JSON document: for each function null, or what went wrong.

Usage: rows.py WORK_FOLDER
"""

import concurrent.futures
import configparser
import contextlib
import datetime
import json
import os
import sys
import time
import traceback
import uuid
import warnings

import qarnot
from qarnot import _filter
from qarnot.advanced_bucket import BucketPrefixFiltering
from qarnot.carbon_facts import CarbonClient, CarbonFacts
from qarnot.computing_quotas import UserComputingQuotas
from qarnot.credits_client import CreditsClient
from qarnot.dependency import (
    AdvancedDependency,
    TaskFinalStateCancelled,
    TaskFinalStateFailure,
    TaskFinalStateSuccess,
)
from qarnot.exceptions import (
    MaxJobException,
    MaxTaskException,
    MissingBucketException,
    MissingJobException,
    MissingPoolException,
    MissingProfileException,
    MissingProjectException,
    MissingTaskException,
    MissingTaskInstanceException,
    QarnotGenericException,
    SecretConflictException,
    SecretNotFoundException,
    UnauthorizedException,
)
from qarnot.forced_constant import ForcedConstant, ForcedConstantAccess
from qarnot.forced_network_rule import ForcedNetworkRule
from qarnot.hardware_constraint import (
    CpuModelHardware,
    GpuHardware,
    MaximumCoreHardware,
    MaximumRamCoreRatioHardware,
    MaximumRamHardware,
    MinimumCoreHardware,
    MinimumRamCoreRatioHardware,
    MinimumRamHardware,
    NoGpuHardware,
    NoSSDHardware,
    SpecificHardware,
    SSDHardware,
)
from qarnot.multi_slots_settings import MultiSlotsSettings
from qarnot.privileges import Privileges
from qarnot.project import Project
from qarnot.retry_settings import RetrySettings
from qarnot.scaling import (
    FixedScalingPolicy,
    ManagedTasksQueueScalingPolicy,
    Scaling,
    TimePeriodAlways,
    TimePeriodWeeklyRecurring,
)
from qarnot.scheduling_type import FlexScheduling, OnDemandScheduling, ReservedScheduling
from qarnot.secrets import SecretAccessRightByPrefix, SecretAccessRightBySecret, Secrets, SecretsAccessRights

ROWS = []
FOLDER = sys.argv[1]
OVER = ("Success", "Failure", "Cancelled")
warnings.simplefilter("ignore", DeprecationWarning)


def row(*numbers):
    """Marks a function as a test of these rows of the checklist."""

    def mark(function):
        ROWS.append(function)
        return function

    return mark


def connect(**more):
    return qarnot.Connection(**{"retry_count": 1, "retry_wait": 0.1, **more})


def equal(found, expected):
    if found != expected:
        raise AssertionError("found %r, expected %r" % (found, expected))


def raises(kind, action, text=None):
    try:
        action()
    except kind as error:
        if text is not None and text not in str(error):
            raise AssertionError("%r does not say %r" % (str(error), text))
        return error
    raise AssertionError("%s was not raised" % kind.__name__)


def unique(what):
    return "%s-%s" % (what, uuid.uuid4().hex[:12])


def until(condition, what, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(what)


def a_task(connection, command="echo hello from ${INSTANCE_ID}", count=1, name="python", **more):
    task = connection.create_task(name, "docker-batch", count, **more)
    task.constants["DOCKER_CMD"] = command
    return task


def until_over(task):
    def step():
        task.update(True)
        return task.state in OVER

    until(step, "the task did not end: %s" % task.state)
    equal(task.wait(timeout=1), True)
    return task


def until_running(task):
    def step():
        task.update(True)
        if task.state in OVER:
            raise AssertionError("the task is over: %s %s" % (task.state, task.errors))
        return task.state == "FullyExecuting"

    until(step, "the task did not start: %s" % task.state)


def ran(task):
    task.submit()
    return until_over(task)


def lines(text):
    return sorted(line for line in text.split("\n") if line)


@row(1)
def refuses_a_wrong_token():
    raises(UnauthorizedException, lambda: connect(client_token="wrong"))
    equal("@" in connect().user_info.email, True)


@row(2)
def connects_with_the_storage_of_the_settings():
    connection = qarnot.Connection(storage_url=None)
    equal(connection._get("/settings").json()["storage"], os.environ["QARNOT_STORAGE_URL"])
    equal(connection.storage, os.environ["QARNOT_STORAGE_URL"])
    equal([bucket.uuid for bucket in connection.buckets()], [bucket.uuid for bucket in connection.buckets()])


@row(3)
def reads_the_account():
    info = connect().user_info
    for name in (
        "max_bucket bucket_count quota_bytes_bucket used_quota_bytes_bucket task_count max_task running_task_count "
        "max_running_task max_instances max_cores max_pool pool_count max_running_pool running_pool_count "
        "running_instance_count running_core_count max_flex_instances max_flex_cores max_on_demand_instances "
        "max_on_demand_cores"
    ).split():
        value = getattr(info, name)
        if not isinstance(value, int) or value < 0:
            raise AssertionError("%s is %r" % (name, value))
    quotas = info.computing_quotas
    equal(isinstance(quotas.user, UserComputingQuotas), True)
    equal(quotas.user.flex.max_instances, info.max_flex_instances)
    equal(isinstance(quotas.user.reserved, list), True)
    equal(isinstance(info.projects, list), True)


@row(4)
def reads_computing_quotas():
    connection = connect()
    quotas = connection.get_user_computing_quotas()
    for plan in (quotas.flex, quotas.on_demand):
        equal(min(plan.max_instances, plan.max_cores) > 0, True)
        equal(min(plan.running_instances_count, plan.running_cores_count) >= 0, True)
    # The first user belongs to no organization.
    raises(QarnotGenericException, connection.get_organization_computing_quotas, "organi")


CARBON_NUMBERS = [name for name in vars(CarbonFacts()) if name != "equivalent_datacenter_name"]


def check_carbon(facts):
    equal(facts.equivalent_datacenter_name, "Common European Datacenter")
    for name in CARBON_NUMBERS:
        if not isinstance(getattr(facts, name), (int, float)):
            raise AssertionError("%s is %r" % (name, getattr(facts, name)))
    equal(min(facts.PUE, facts.ERE) >= 1, True)


@row(43)
def reads_carbon_facts():
    connection = connect()
    task = a_task(connection, "sleep 0.3")
    task.submit()
    client = CarbonClient(connection)
    check_carbon(client.get_task_carbon_facts(task.uuid))
    check_carbon(task.carbon_facts())
    until_over(task)
    facts = client.get_task_carbon_facts(task.uuid)
    check_carbon(facts)
    equal(facts.energy_consumption_Wh > facts.energy_it_Wh > 0, True)
    equal(facts.carbon_footprint_gC02eq > 0, True)
    check_carbon(CarbonClient(connection, "european_dc").get_task_carbon_facts(task.uuid))
    raises(QarnotGenericException, lambda: CarbonClient(connection, "nowhere").get_task_carbon_facts(task.uuid), "nowhere")
    raises(MissingTaskException, lambda: client.get_task_carbon_facts(str(uuid.uuid4())), "No such task")
    raises(MissingPoolException, lambda: client.get_pool_carbon_facts(str(uuid.uuid4())), "No such pool")
    pool = connection.create_pool("carbon", "docker-batch", 1)
    pool.submit()
    check_carbon(pool.carbon_facts())
    equal(pool.credits().amount_in_euros >= 0, True)
    pool.close()


@row(45)
def reads_budgets():
    connection = connect()
    client = CreditsClient(connection)
    [project, *_] = connection.user_info.projects
    raises(MissingProjectException, lambda: client.get_project_budgets(str(uuid.uuid4()), True), "No such project")
    body = {"project": project.uuid, "amount": "100", "alias": "py-%s" % uuid.uuid4().hex[:8]}
    made = connection._post("/fornax/v1/billing/budgets", json=body).json()

    def named(only_active):
        return [one for one in client.get_project_budgets(project.uuid, only_active) if one._uuid == made["uuid"]]

    [budget] = named(True)
    equal((budget._alias, budget._total_in_cents, budget._budget_overrun_policy), (body["alias"], 10000, "AlertOnly"))
    equal(budget._consumed_in_cents + budget._remaining_in_cents, 10000)
    equal((budget._is_archived, budget._expiration_date_utc), (False, None))
    connection._delete("/fornax/v1/billing/budgets/%s" % made["uuid"])
    equal([budget._is_archived for budget in named(False)], [True])
    equal(named(True), [])


@row(44)
def reads_credits():
    connection = connect()
    client = CreditsClient(connection)
    task = a_task(connection, "sleep 0.3")
    task.submit()
    equal(client.get_task_credits(task.uuid).amount_in_euros >= 0, True)
    until_over(task)
    equal(client.get_task_credits(task.uuid).amount_in_euros > 0, True)
    equal(isinstance(client.get_account_credits().amount_in_euros, (int, float)), True)
    raises(MissingTaskException, lambda: client.get_task_credits(str(uuid.uuid4())), "No such task")
    raises(MissingPoolException, lambda: client.get_pool_credits(str(uuid.uuid4())), "No such pool")


@row(38, 40, 41)
def takes_instant_snapshots():
    connection = connect()
    results, other = (connection.create_bucket("snap-%s-%s" % (kind, uuid.uuid4().hex[:8])) for kind in "ro")
    task = a_task(connection, "sh -c 'echo one > kept.txt; echo two > left.log; echo up; exec sleep 600'")
    task.results = results
    task.snapshot_blacklist = r"\.log$"
    task.submit()
    until_running(task)
    until(lambda: "up" in task.stdout(), "nothing was written")
    equal(task.instant() is None, False)
    first = task.instant()
    task.wait_snapshot(first)
    # What the SDK reads of a snapshot has no public names.
    status = vars(task.snapshot_status(first))
    equal((repr(status["_status"]), status["_task_uuid"]), ("Success", task.uuid))
    equal((status["_size_to_upload"], status["_transferred_size"]), (4, 4))
    equal([entry.key for entry in results.list_files()], ["kept.txt"])
    equal(list(vars(status["_snapshot_config"]).values()), [None, r"\.log$", results.uuid, None])
    # What the call says comes before what the task says; an empty text takes it away.
    second = task.instant(whitelist="left", blacklist="", bucket=other, bucket_prefix="sub")
    task.wait_snapshot(second)
    equal([entry.key for entry in other.list_files()], ["sub/left.log"])
    raises(MissingTaskException, lambda: task.snapshot_status("snap_none"))
    task.abort()
    until_over(task)
    raises(UnauthorizedException, task.instant, "not running")
    raises(UnauthorizedException, lambda: task.snapshot(60), "not running")
    task.delete(purge_results=True)
    other.delete()


@row(39, 41)
def takes_periodic_snapshots():
    connection = connect()
    results = connection.create_bucket("periodic-%s" % uuid.uuid4().hex[:8])
    command = "sh -c 'n=0; while :; do n=$((n + 1)); echo $n > next; mv next count; echo x > unwanted; sleep 0.1; done'"
    task = a_task(connection, command)
    task.results = results
    task.snapshot_whitelist = "^count$"
    # Before it is submitted: the interval follows the submission, when the task waits still.
    task.snapshot(1)
    task.submit()
    equal(connection.retrieve_task(task.uuid).snapshot_interval, 2)
    until_running(task)

    def stored():
        return {entry.key: entry.e_tag for entry in results.list_files()}

    until(stored, "no snapshot was taken")
    first = stored()
    equal(list(first), ["count"])
    until(lambda: stored() != first, "no second snapshot was taken")
    # While it runs: what is said now comes before what was said, what is not said stays.
    task.snapshot(2, whitelist="count|unwanted", bucket_prefix="later")
    found = connection.retrieve_task(task.uuid)
    equal((found.snapshot_interval, found.snapshot_whitelist), (2, "count|unwanted"))
    until(lambda: "later/unwanted" in stored(), "the later snapshots do not follow the new plan")
    raises(ValueError, lambda: task.snapshot(-1))
    task.snapshot(0)
    equal(connection.retrieve_task(task.uuid).snapshot_interval, 0)
    task.abort()
    until_over(task)
    task.delete(purge_results=True)


@row(5, 108)
def works_with_a_slash_at_the_end_of_its_url():
    connection = connect(cluster_url=os.environ["QARNOT_CLUSTER_URL"] + "/")
    task = ran(a_task(connection))
    equal(task.state, "Success")
    equal(connection.retrieve_task(task.uuid).state, "Success")
    versioned = connect(cluster_url=os.environ["QARNOT_CLUSTER_URL"] + "/v1/")
    equal(versioned.retrieve_task(task.uuid).name, "python")
    # A job is posted to a path with a slash at its end.
    job = connection.create_job("slash")
    job.submit()
    equal(versioned.retrieve_job(job.uuid).name, "slash")
    job.delete()


@row(2)
def reads_its_settings_from_a_file():
    parser = configparser.ConfigParser()
    parser["cluster"] = {"url": os.environ["QARNOT_CLUSTER_URL"], "unsafe": "False"}
    parser["client"] = {"token": os.environ["QARNOT_CLIENT_TOKEN"]}
    parser["storage"] = {"url": os.environ["QARNOT_STORAGE_URL"]}
    path = os.path.join(FOLDER, "qarnot.conf")
    with open(path, "w") as file:
        parser.write(file)
    equal(qarnot.Connection(path).user_info.email, connect().user_info.email)


@row(7, 34)
def posts_without_a_body():
    task = ran(a_task(connect()))
    equal(task.fresh_stdout(), "0> hello from 0\n")
    equal(task.fresh_stdout(), "")
    equal(task.fresh_stderr(), "")


@row(8)
def raises_the_right_exception_for_each_error():
    connection = connect()
    raises(MissingTaskException, lambda: connection.retrieve_task("no-such-task"), "No such task: no-such-task")
    raises(MissingProfileException, lambda: connection.retrieve_profile("no-such-profile"))
    raises(QarnotGenericException, lambda: a_task(connection, count=0).submit())
    unknown = connection.create_task("python", "no-such-profile", 1)
    raises(QarnotGenericException, unknown.submit, "no-such-profile")
    ours = connection.create_bucket(unique("gone"))
    task = a_task(connection)
    task.resources.append(ours)
    ours.delete()
    raises(MissingBucketException, task.submit, "No such bucket")
    done = ran(a_task(connection))
    raises(UnauthorizedException, done.abort)
    for call in (connection.retrieve_pool, connection.retrieve_job):
        raises(Exception, lambda: call("none"))


@row(9)
def is_never_made_to_try_again():
    connection = connect(retry_count=5, retry_wait=1)
    start = time.monotonic()
    for path in ("/tasks/none", "/profiles/none", "/pools/none", "/nothing", "/tasks/%00"):
        equal(connection._get(path).status_code in (400, 404), True)
    for body in ({}, [], {"name": None}, [{"name": 1}], {"name": "a", "instanceCount": "many"}):
        equal(connection._post("/tasks", body).status_code in (200, 207, 400), True)
    equal(time.monotonic() - start < 20, True)


@row(10, 11, 16)
def reads_dates_and_durations():
    connection = connect()
    task = a_task(connection)
    task.completion_ttl = datetime.timedelta(days=2, hours=3, minutes=4, seconds=5)
    task.submit()
    equal(task.completion_ttl, "2.03:04:05")
    equal(isinstance(task.creation_date, datetime.datetime), True)
    equal(abs((datetime.datetime.utcnow() - task.creation_date).total_seconds()) < 300, True)
    until_over(task)
    for value in (task.execution_time, task.wall_time, task.state_transition_time, task.last_modified, task.end_date):
        equal(bool(value), True)
    equal("." in task.wall_time, False)
    equal(connection.retrieve_task(task.uuid).creation_date, task.creation_date)
    for ttl in ("00:28:04", "3.10:07:06"):
        other = a_task(connection)
        other.completion_ttl = ttl
        other.submit()
        equal(other.completion_ttl, ttl)


@row(12, 14, 15)
def submits_with_every_property():
    connection = connect()
    inputs, results = connection.create_bucket(unique("in")), connection.create_bucket(unique("out"))
    inputs.add_string("content", "folder/file.txt")
    task = a_task(connection, count=2, shortname=unique("all"))
    task.resources.append(inputs.with_filtering(BucketPrefixFiltering("folder/")))
    task.results = results
    task.tags = ["one", "two words"]
    task.labels = {"Some Key": "some value", "other": "x"}
    task.constraints = {"K": "V"}
    task.snapshot_whitelist, task.snapshot_blacklist = "a", "b"
    task.results_whitelist, task.results_blacklist = ".*", "nothing"
    task.upload_results_on_cancellation = True
    task.wait_for_pool_resources_synchronization = True
    task.default_resources_cache_ttl_sec = 1234
    task.max_time_queue_seconds = 3600
    task.auto_delete = False
    rights = SecretsAccessRights([SecretAccessRightBySecret("one/secret")], [SecretAccessRightByPrefix("below/")])
    task.secrets_access_rights = rights
    task.auto_update = False
    task.submit()
    found = connection.retrieve_task(task.uuid)
    equal(found.shortname, task.shortname)
    equal(connection.retrieve_task(task.shortname).uuid, task.uuid)
    equal(found.name, "python")
    equal(found.profile, "docker-batch")
    equal(found.instancecount, 2)
    equal(found.tags, ["one", "two words"])
    equal(found.labels, {"Some Key": "some value", "other": "x"})
    equal((found.snapshot_whitelist, found.snapshot_blacklist), ("a", "b"))
    equal((found.results_whitelist, found.results_blacklist), (".*", "nothing"))
    equal(found.upload_results_on_cancellation, True)
    equal(found.wait_for_pool_resources_synchronization, True)
    equal(found.default_resources_cache_ttl_sec, 1234)
    equal(found.max_time_queue_seconds, 3600)
    equal(found.auto_delete, False)
    equal(found.snapshot_interval, 0)
    equal(found.constants["DOCKER_CMD"], "echo hello from ${INSTANCE_ID}")
    equal([bucket.uuid for bucket in found.resources], [inputs.uuid])
    equal(found.results.uuid, results.uuid)
    equal(found.secrets_access_rights.to_json(), rights.to_json())
    equal(repr(found).startswith("python - "), True)
    equal(until_over(found).state, "Success")
    found.delete(purge_resources=True, purge_results=True)


@row(15)
def counts_instances_and_ranges():
    connection = connect()
    task = a_task(connection, count="1-3,7")
    task.submit()
    equal(task.advanced_range, "1-3,7")
    equal(task.instancecount, 0)
    until_over(task)
    equal(sorted(instance.instance_id for instance in task.completed_instances), [1, 2, 3, 7])
    equal(task.status.succeeded_range, "1-3,7")
    for wrong in ("3-1", "1,1", "x"):
        raises(QarnotGenericException, a_task(connection, count=wrong).submit)


@row(13)
def submits_several_at_once():
    connection = connect()
    tasks = [a_task(connection, name="bulk %d" % n) for n in range(3)]
    connection.submit_tasks(tasks)
    equal([connection.retrieve_task(task.uuid).name for task in tasks], ["bulk 0", "bulk 1", "bulk 2"])
    good, bad = a_task(connection, name="good"), connection.create_task("bad", "no-such-profile", 1)
    raises(QarnotGenericException, lambda: connection.submit_tasks([bad, good]), "no-such-profile")
    equal(bad.uuid, None)
    equal(connection.retrieve_task(good.uuid).name, "good")


def group_of_tasks(connection, tags):
    tasks = [a_task(connection, name="%s-%d" % (tags[0], n)) for n in range(5)]
    for n, task in enumerate(tasks):
        task.tags = [tags[0], tags[1 + n % 2]]
    connection.submit_tasks(tasks)
    return tasks


@row(20, 21, 24)
def lists_by_tags_in_pages():
    connection = connect()
    tags = [unique(name) for name in ("group", "even", "odd")]
    tasks = group_of_tasks(connection, tags)
    names = [task.name for task in tasks]

    def found(**asked):
        return sorted(task.name for task in connection.all_tasks(**asked))

    equal(found(tags=[tags[0]]), names)
    equal(found(tags=[tags[1], tags[2]]), names)
    equal(found(tags=[tags[1]]), names[0::2])
    equal(found(tags_intersect=[tags[0], tags[2]]), names[1::2])
    equal(found(tags_intersect=[tags[1], tags[2]]), [])
    equal(sorted(task.name for task in connection.tasks(tags=[tags[2]])), names[1::2])
    everything = {task.uuid for task in connection.all_tasks()}
    equal({task.uuid for task in tasks} <= everything, True)
    first = connection.tasks_page(maximum=2, tags=[tags[0]], summary=False)
    equal((len(first.page_data), first.is_truncated), (2, True))
    rest = connection.tasks_page(token=first.next_token, maximum=10, tags=[tags[0]])
    equal((len(rest.page_data), rest.is_truncated, rest.next_token), (3, False, None))
    summaries = connection.tasks_page(maximum=3)
    equal(len(summaries.page_data), 3)
    # What a summary does not have is fetched when it is asked for; other tests may delete theirs meanwhile.
    own = next(summary for summary in connection.all_tasks() if summary.uuid == tasks[0].uuid)
    equal(isinstance(own.constants, dict), True)
    equal(isinstance(own.errors, list), True)


@row(23)
def filters_with_every_operator():
    connection = connect()
    tags = [unique(name) for name in ("filter", "even", "odd")]
    tasks = group_of_tasks(connection, tags)
    names = [task.name for task in tasks]
    filters = _filter.Filters

    def found(leaf):
        query = filters.node_and([filters.equal("Tags", tags[0]), leaf])
        answer = connection._post("/tasks/search", filters.data_detail(query, ["Name", "Uuid"]))
        equal(answer.status_code, 200)
        return sorted(task["name"] for task in answer.json())

    equal(found(filters.equal("Name", names[0])), names[:1])
    equal(found(filters.not_equal("Name", names[0])), names[1:])
    equal(found(filters.inside("Name", names[1:3])), names[1:3])
    equal(found(filters.not_inside("Name", names[1:3])), [names[0]] + names[3:])
    equal(found(filters.less("Name", names[2])), names[:2])
    equal(found(filters.less_or_equal("Name", names[2])), names[:3])
    equal(found(filters.greater("Name", names[2])), names[3:])
    equal(found(filters.greater_or_equal("Name", names[2])), names[2:])
    equal(found(filters.like("Name", "-[34]$")), names[3:])
    equal(found(filters.node_or([filters.equal("Name", names[0]), filters.equal("Name", names[4])])), [names[0], names[4]])


@row(28)
def changes_constants_and_tags():
    connection = connect()
    task = a_task(connection, "sleep 3600")
    task.constants["QARNOT_SECRET_KEY"] = "very secret"
    task.submit()
    equal(task.constants["QARNOT_SECRET_KEY"], "[SECRET]")
    task.tags = ["changed"]
    task.constants["ADDED"] = "new"
    task.commit()
    found = connection.retrieve_task(task.uuid)
    equal(found.tags, ["changed"])
    equal((found.constants["ADDED"], found.constants["QARNOT_SECRET_KEY"]), ("new", "[SECRET]"))
    task.delete()


@row(30)
def deletes_running_and_finished_tasks():
    connection = connect()
    running, finished = a_task(connection, "sleep 3600"), ran(a_task(connection))
    running.submit()
    until_running(running)
    ids = [running.uuid, finished.uuid]
    running.delete()
    finished.delete()
    equal((running.uuid, running.state), (None, "Deleted"))
    for gone in ids:
        raises(MissingTaskException, lambda: connection.retrieve_task(gone))
    with a_task(connection) as task:
        task.submit()
        kept = task.uuid
    raises(MissingTaskException, lambda: connection.retrieve_task(kept))


@row(31)
def aborts():
    task = a_task(connect(), "sleep 3600", 2)
    task.submit()
    until_running(task)
    task.abort()
    equal(task.state in ("PendingCancel", "Cancelled"), True)
    equal(until_over(task).state, "Cancelled")
    raises(UnauthorizedException, task.abort)


@row(33, 35, 37)
def reads_output():
    task = ran(a_task(connect(), "sh -c 'echo out ${INSTANCE_ID}; echo err ${INSTANCE_ID} >&2'", 3))
    equal(lines(task.stdout()), ["0> out 0", "1> out 1", "2> out 2"])
    equal(lines(task.stderr()), ["0> err 0", "1> err 1", "2> err 2"])
    equal((task.stdout(1), task.stderr(2)), ("out 1\n", "err 2\n"))
    for read in (task.stdout, task.stderr, task.fresh_stdout, task.fresh_stderr):
        raises(MissingTaskInstanceException, lambda: read(3))


@row(34, 36)
def reads_fresh_output():
    connection = connect()
    gate = connection.create_bucket(unique("gate"))
    task = a_task(connection, "sh -c 'echo first; until [ -e go ]; do sleep 0.1; done; echo second'")
    task.resources.append(gate)
    task.submit()
    equal(until(task.fresh_stdout, "no output"), "0> first\n")
    equal(task.fresh_stdout(0), "first\n")
    equal(task.stdout(), "0> first\n")
    gate.add_string("", "go")
    # What is printed may be read before the start is in the log.
    until_running(task)
    task.update_resources()
    until_over(task)
    equal((task.fresh_stdout(), task.fresh_stdout()), ("0> second\n", ""))
    equal((task.fresh_stdout(0), task.fresh_stdout(0)), ("second\n", ""))
    equal(task.stdout(0), "first\nsecond\n")
    equal((task.fresh_stderr(), task.fresh_stderr(0)), ("", ""))


@row(74)
def reads_profiles():
    connection = connect()
    names = connection.profiles_names()
    equal("docker-batch" in names, True)
    equal(sorted(profile.name for profile in connection.profiles()), sorted(names))
    constants = dict(connection.retrieve_profile("docker-batch").constants)
    equal((constants["DOCKER_REPO"], constants["DOCKER_TAG"], constants["RESOURCES_PATH"]), ("library/ubuntu", "latest", "/job"))
    equal(connection.profile_details("docker-batch").name, "docker-batch")
    equal(connection.profile_details("no-such-profile"), None)


@row(74)
def runs_a_profile_that_somebody_published():
    operator = connect()
    # Nobody else lists it meanwhile.
    connection = connect(client_token=os.environ["FORNAX_CONTRACT_MEMBER_TOKEN"])
    name = unique("greeting")
    mine = connection.user_info.email

    def publish(word):
        document = {
            "name": name,
            "image": "host",
            "script": 'echo "%s, $NAME $TIMES"' % word,
            "constants": [
                {"name": "NAME", "default": "world", "pattern": "[A-Za-z]{1,40}", "description": "Who is greeted"},
                {"name": "TIMES", "type": "integer", "default": 1, "min": 1, "max": 10},
                {"name": "FIXED", "default": "as it is", "access": "readOnly"},
            ],
            "usableBy": {"users": [mine]},
        }
        return operator._post("/fornax/v1/profiles", json=document).json()["version"]

    def greeting(connection=connection, **constants):
        task = connection.create_task("greeting", name, 1)
        task.constants.update(constants)
        return task

    equal(publish("hello"), 1)
    equal(name in connection.profiles_names(), True)
    equal(tuple(connection.retrieve_profile(name).constants)[:3], (("NAME", "world"), ("TIMES", "1"), ("FIXED", "as it is")))
    equal(ran(greeting()).stdout(), "0> hello, world 1\n")
    equal(ran(greeting(NAME="Ada", TIMES="2", OWN="x")).stdout(), "0> hello, Ada 2\n")
    for constants in ({"FIXED": "other"}, {"TIMES": "many"}, {"TIMES": "11"}, {"NAME": "a b"}, {"NAME": "${OWN}"}):
        raises(QarnotGenericException, greeting(**constants).submit, list(constants)[0])

    stranger = connect(client_token=os.environ["FORNAX_CONTRACT_SMALL_TOKEN"])
    equal(name in stranger.profiles_names(), False)
    raises(MissingProfileException, lambda: stranger.retrieve_profile(name))
    raises(QarnotGenericException, greeting(stranger).submit, "No such profile")

    # A version that comes later changes nothing of what waits.
    job = connection.create_job("job", useDependencies=True)
    job.submit()
    first = connection.create_task("first", "docker-batch", 1, job=job)
    first.constants["DOCKER_CMD"] = "sleep 2"
    first.submit()
    waiting = connection.create_task("waiting", name, 1, job=job)
    waiting.set_task_dependencies_from_tasks([first])
    waiting.submit()
    equal(publish("goodbye"), 2)
    equal(until_over(waiting).stdout(), "0> hello, world 1\n")
    equal(ran(greeting()).stdout(), "0> goodbye, world 1\n")
    job.delete(forceAbort=True)


@row(75)
def pages_through_hardware_constraints():
    connection = connect()
    everything = list(connection.all_hardware_constraints())
    page = connection.hardware_constraints_page(limit=1, offset=1)
    equal((len(page.page_data), page.offset, page.limit), (1, 1, 1))
    equal(page.total, len(everything))
    equal(None in everything, False)


@row(76)
def searches_cpu_models():
    connection = connect()
    models = [one for one in connection.all_hardware_constraints() if isinstance(one, CpuModelHardware)]
    found = connection.search_cpu_model_constraints(models[0]._cpu_model[:6])
    equal(models[0]._cpu_model in [one._cpu_model for one in found], True)
    raises(QarnotGenericException, lambda: connection.search_cpu_model_constraints("no such model at all"))


@row(77)
def keeps_every_hardware_constraint():
    connection = connect()
    constraints = [
        MinimumCoreHardware(1), MaximumCoreHardware(512), MinimumRamCoreRatioHardware(0.1), MaximumRamCoreRatioHardware(4000.5),
        MinimumRamHardware(64), MaximumRamHardware(64000000), SpecificHardware("c-"), GpuHardware(), NoGpuHardware(),
        SSDHardware(), NoSSDHardware(), CpuModelHardware("some model"),
    ]
    for constraint in constraints:
        task = a_task(connection)
        task.hardware_constraints = [constraint]
        task.submit()
        equal([one.to_json() for one in task.hardware_constraints], [constraint.to_json()])
        equal(type(task.hardware_constraints[0]), type(constraint))
        task.delete()


@row(82)
def gives_constants_to_the_instance():
    task = a_task(connect(), "sh -c 'echo $INSTANCE_ID/$INSTANCE_COUNT ${INSTANCE_ID} $MINE ${MINE} ${NO_SUCH_NAME}'", 2)
    task.constants["MINE"] = "mine"
    equal(ran(task).stdout(1), "1/2 1 mine mine\n")


@row(82)
def takes_numbers_and_booleans_as_constants():
    task = a_task(connect(), "sh -c 'echo $N/$YES/$NONE/'")
    task.constants["N"] = 26
    task.constants["YES"] = True
    task.constants["NONE"] = None
    equal(ran(task).stdout(0), "26/true//\n")


@row(83)
def keeps_what_needs_a_permission():
    connection = connect()
    task = a_task(connection)
    task.forced_constants = {"DOCKER_TAG": ForcedConstant("24.04", True, ForcedConstantAccess.ReadWrite)}
    task.forced_network_rules = [ForcedNetworkRule(True, "tcp", "22", public_port="2222", description="a shell", name="ssh")]
    task.privileges = Privileges(True)
    task.submit()
    found = connection.retrieve_task(task.uuid)
    equal(found.privileges, Privileges(True))
    rule = found.forced_network_rules[0]
    equal((rule.name, rule.proto, rule.port, rule.public_port), ("ssh", "tcp", "22", "2222"))
    raw = connection._get("/tasks/%s" % task.uuid).json()
    equal(raw["forcedConstants"], [{"constantName": "DOCKER_TAG", "forcedValue": "24.04", "forceExportInEnvironment": True, "access": "readWrite"}])


@row(84)
def tries_again():
    task = a_task(connect(), "false")
    task.retry_settings = RetrySettings(maxTotalRetries=5, maxPerInstanceRetries=2)
    ran(task)
    equal((task.state, task.completed_instances[0].execution_attempt_count), ("Failure", 3))
    equal(task.retry_settings, RetrySettings(maxTotalRetries=5, maxPerInstanceRetries=2))


@row(85)
def keeps_the_scheduling_type():
    connection = connect()
    for kind in (FlexScheduling, OnDemandScheduling):
        task = a_task(connection)
        task.scheduling_type = kind()
        task.submit()
        equal(type(connection.retrieve_task(task.uuid).scheduling_type), kind)
    reserved = a_task(connection)
    reserved.scheduling_type = ReservedScheduling()
    reserved.targeted_reservation_name = "mine"
    reserved.submit()
    equal((type(reserved.scheduling_type), reserved.targeted_reservation_name), (ReservedScheduling, "mine"))
    reserved.delete()
    flex = a_task(connection)
    flex.targeted_reserved_machine_key = "a"
    raises(QarnotGenericException, flex.submit)


@row(90)
def uploads_what_the_filters_keep():
    connection = connect()
    task = a_task(connection, "sh -c 'mkdir -p out; for n in a b c; do echo $n > out/$n.txt; done; echo x > out/a.bin'")
    task.results = connection.create_bucket(unique("filtered"))
    task.results_whitelist, task.results_blacklist = r"^out/.*\.txt$", "b"
    equal(ran(task).state, "Success")
    equal(sorted(entry.key for entry in task.results.list_files()), ["out/a.txt", "out/c.txt"])
    raw = connection._get("/tasks/%s" % task.uuid).json()
    equal(raw["resultsCount"] > 0, True)
    target = os.path.join(FOLDER, unique("download"))
    task.download_results(target)
    equal(sorted(os.listdir(os.path.join(target, "out"))), ["a.txt", "c.txt"])
    task.delete(purge_results=True)


@row(91)
def fills_status_and_completed_instances():
    task = ran(a_task(connect(), "sh -c 'sleep 0.2; exit $((INSTANCE_ID / 2))'", 3))
    equal((task.status.succeeded_range, task.status.failed_range, task.status.executed_range), ("0-1", "2", "0-2"))
    equal(sorted((one.instance_id, one.state) for one in task.completed_instances), [(0, "Success"), (1, "Success"), (2, "Failure")])
    for one in task.completed_instances:
        equal(one.wall_time_sec > 0 and one.exec_time_sec > 0 and one.execution_attempt_count == 1, True)
        equal(isinstance(one.average_ghz, (int, float)) and isinstance(one.peak_memory_mb, int), True)
    status = task.status
    equal(status.execution_progress, 66.667)
    for name in ("download_time", "environment_time", "execution_time", "upload_time", "wall_time"):
        equal(isinstance(getattr(status, name), str) and getattr(status, name + "_sec") >= 0, True)
    model = status.execution_time_by_cpu_model[0]
    equal(isinstance(model.model, str) and model.core > 0 and model.time >= 0, True)
    equal(isinstance(status.execution_time_ghz_by_cpu_model[0].clock_ratio, (int, float)), True)
    equal(status.running_instances_info.per_running_instance_info, [])
    equal(task.progress, 66.667)


@row(91)
def shows_running_instances():
    task = a_task(connect(), "sleep 3600", 2)
    task.submit()
    until_running(task)
    equal((task.running_instance_count, task.running_core_count > 0), (2, True))
    running = task.status.running_instances_info.per_running_instance_info
    equal([one.instance_id for one in running], [0, 1])
    for one in running:
        equal((one.phase, one.execution_attempt_count, one.active_forward, one.vpn_connections), ("execution", 1, [], []))
        for name in "max_frequency_ghz cpu_usage max_memory_mb current_memory_mb memory_usage progress execution_time_sec".split():
            equal(isinstance(getattr(one, name), (int, float)), True)
    task.delete()


@row(92)
def goes_through_states_in_order():
    task = a_task(connect(), "sleep 0.4", 2)
    equal(task.state, "UnSubmitted")
    task.submit()
    order = ["Submitted", "PartiallyDispatched", "FullyDispatched", "PartiallyExecuting", "FullyExecuting", "UploadingResults", "Success"]
    seen = []

    def step():
        task.update(True)
        seen.append(order.index(task.state))
        return task.state in OVER

    until(step, "the task did not end")
    equal(seen, sorted(seen))
    equal((task.state, task.previous_state), ("Success", "UploadingResults"))
    equal(task.previous_state_transition_time <= task.state_transition_time, True)


@row(107)
def explains_failures():
    task = ran(a_task(connect(), "sh -c 'exit 3'"))
    equal(task.state, "Failure")
    error = task.errors[0]
    equal(bool(error.code) and "3" in error.message and isinstance(error.debug, str), True)


@row(109)
def asks_the_same_many_times_at_once():
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: connect().retrieve_profile("docker-batch").constants, range(10)))
    equal(len(set(answers)), 1)


@row(12, 33)
def runs_with_one_call():
    connection = connect()
    task = a_task(connection, "sh -c 'echo done > file.txt'")
    task.results = connection.create_bucket(unique("run"))
    target = os.path.join(FOLDER, unique("run"))
    task.submit()
    until_over(task)
    task.resume(target)
    equal(os.listdir(target), ["file.txt"])
    task.delete(purge_results=True)


@row(89)
def uploads_results_of_a_cancelled_task_when_asked():
    connection = connect()
    for wanted, expected in ((True, ["partial.txt"]), (False, [])):
        task = a_task(connection, "sh -c 'echo partial > partial.txt; echo ready; sleep 3600'")
        task.results = connection.create_bucket(unique("cancelled"))
        task.upload_results_on_cancellation = wanted
        task.submit()
        until(lambda: "ready" in task.stdout(), "the task did not write its file")
        task.abort()
        equal(until_over(task).state, "Cancelled")
        equal([entry.key for entry in task.results.list_files()], expected)
        task.delete(purge_results=True)


@row(29)
def brings_new_files_to_running_instances():
    connection = connect()
    bucket = connection.create_bucket(unique("update"))
    bucket.add_string("first", "first.txt")
    task = a_task(connection, "sh -c 'cat first.txt; until [ -e second.txt ]; do sleep 0.1; done; cat second.txt'")
    task.resources.append(bucket)
    task.submit()
    until(lambda: "first" in task.stdout(), "the task did not start")
    bucket.add_string("second", "second.txt")
    until_running(task)
    task.update_resources()
    equal(until_over(task).state, "Success")
    equal(task.stdout(0), "firstsecond")
    raises(QarnotGenericException, task.update_resources)


@row(88)
def waits_no_longer_than_it_may():
    task = a_task(connect())
    task.hardware_constraints = [MinimumCoreHardware(100000)]
    task.max_time_queue_seconds = 1
    equal(ran(task).state, "Failure")
    equal(len(task.errors) > 0, True)


@row(46)
def puts_tasks_into_projects():
    connection = connect(client_token=os.environ["FORNAX_CONTRACT_MEMBER_TOKEN"])
    projects = connection.user_info.projects
    default = Project.retrieve_default(connection)
    equal([project.uuid for project in projects if project.is_default], [default.uuid])
    other = next(project for project in projects if not project.is_default)
    for found in (
        Project.retrieve_by_uuid(connection, other.uuid),
        Project.retrieve_by_slug(connection, other.slug),
        Project.retrieve_by_name(connection, other.name),
    ):
        equal((found.uuid, found.description, isinstance(found.organization_uuid, str)), (other.uuid, "a project", True))
    task = a_task(connection)
    task.project = other
    task.submit()
    equal(connection.retrieve_task(task.uuid).project.name, other.name)
    plain = a_task(connection)
    plain.submit()
    equal(plain.project.uuid, default.uuid)


@row(3, 4)
def reads_the_quotas_of_its_organization():
    connection = connect(client_token=os.environ["FORNAX_CONTRACT_MEMBER_TOKEN"])
    organization = connection.get_organization_computing_quotas()
    equal(organization.flex.max_instances, 50)
    equal(min(organization.on_demand.running_cores_count, organization.flex.running_instances_count) >= 0, True)
    equal(isinstance(organization.reserved, list), True)
    equal(isinstance(organization.flex.running_counts_per_user, (dict, type(None))), True)
    equal(connection.user_info.computing_quotas.organization.flex.max_instances, 50)


@row(86)
def reaches_its_quota_of_tasks():
    connection = connect(client_token=os.environ["FORNAX_CONTRACT_SMALL_TOKEN"])
    spare, kept = a_task(connection), a_task(connection)
    spare.auto_delete = True
    ran(spare)
    ran(kept)
    equal((connection.user_info.max_task, connection.user_info.task_count), (2, 2))
    ran(a_task(connection))
    raises(MissingTaskException, lambda: connection.retrieve_task(spare.uuid))
    raises(MaxTaskException, a_task(connection).submit, "aximum number of tasks reached")
    equal(connection.retrieve_task(kept.uuid).auto_delete, False)


@row(87)
def keeps_finished_tasks_as_long_as_asked():
    connection = connect()
    task = a_task(connection)
    task.completion_ttl = datetime.timedelta(seconds=2)
    ran(task)
    until(lambda: connection._get("/tasks/%s" % task.uuid).status_code == 404, "the task was not deleted", 30)
    raises(MissingTaskException, lambda: task.update(True))


@row(65, 66)
def makes_and_finds_jobs():
    connection = connect()
    tags = [unique("tag"), unique("tag")]
    job = connection.create_job("python job", shortname=unique("short"), useDependencies=True)
    job.tags = tags
    job.max_wall_time = datetime.timedelta(days=1, hours=2)
    job.completion_ttl = "01:00:00"
    job.auto_delete = True
    job.submit()
    equal((job.state, job.use_dependencies, job.max_wall_time), ("Active", True, "1.02:00:00"))
    equal(isinstance(job.creation_date, datetime.datetime), True)
    for name in (job.uuid, job.shortname):
        found = connection.retrieve_job(name)
        equal((found.uuid, found.auto_delete, found.completion_ttl), (job.uuid, True, "01:00:00"))
        found.update(True)
        equal(found.tags, tags)
    other = connection.create_job("python job")
    other.tags = tags[:1]
    other.submit()
    equal(other.shortname, other.uuid)
    equal({one.uuid for one in connection.all_jobs(tags=tags)}, {job.uuid, other.uuid})
    equal([one.uuid for one in connection.all_jobs(tags_intersect=tags)], [job.uuid])
    page = connection.jobs_page(maximum=1, tags=tags)
    equal((len(page.page_data), page.is_truncated), (1, True))
    raises(MissingJobException, lambda: connection.retrieve_job(unique("none")))
    raises(QarnotGenericException, connection.create_job("twin", shortname=job.shortname).submit, job.shortname)
    repr(job)


@row(67)
def lists_the_tasks_of_a_job():
    connection = connect()
    job = connection.create_job("with tasks")
    job.submit()
    tasks = [connection.create_task("in job %d" % n, "docker-batch", 1, job=job) for n in range(2)]
    for task in tasks:
        task.constants["DOCKER_CMD"] = "true"
    connection.submit_tasks(tasks)
    equal(sorted(task.uuid for task in job.tasks), sorted(task.uuid for task in tasks))


@row(68, 69)
def ends_and_deletes_jobs_with_their_tasks():
    connection = connect()
    job = connection.create_job("ended")
    job.submit()
    task = connection.create_task("runs", "docker-batch", 1, job=job)
    task.constants["DOCKER_CMD"] = "sleep 3600"
    task.submit()
    raises(UnauthorizedException, job.delete, "should use force")
    job.terminate()
    until_over(task)
    equal(task.state, "Cancelled")

    def is_completed():
        job.update(True)
        return job.state == "Completed"

    until(is_completed, "the job was not completed")
    equal(job.previous_state, "Terminating")
    name, task_name = job.uuid, task.uuid
    job.delete(forceAbort=True)
    until(lambda: connection._get("/jobs/%s" % name).status_code == 404, "the job was not deleted", 30)
    raises(MissingTaskException, lambda: connection.retrieve_task(task_name))


@row(65)
def reaches_its_quota_of_jobs():
    connection = connect(client_token=os.environ["FORNAX_CONTRACT_SMALL_TOKEN"])
    connection.create_job("only").submit()
    raises(MaxJobException, connection.create_job("one more").submit, "aximum number of jobs reached")


def a_task_of(connection, job, command="true"):
    task = connection.create_task("of a job", "docker-batch", 1, job=job)
    task.constants["DOCKER_CMD"] = command
    return task


@row(71, 72)
def starts_tasks_after_others():
    connection = connect()
    job = connection.create_job("dependencies", useDependencies=True)
    job.submit()
    first = a_task_of(connection, job, "sleep 3600")
    first.submit()
    second = a_task_of(connection, job)
    second.set_task_dependencies_from_tasks([first])
    second.submit()
    second.update(True)
    equal((second.state, str(second.dependencies.state)), ("Submitted", "waiting"))
    third = a_task_of(connection, job)
    conditions = [TaskFinalStateCancelled(), TaskFinalStateFailure()]
    third.set_task_advanced_dependencies([AdvancedDependency(second.uuid, conditions)])
    third.submit()
    first.abort()
    until_over(second)
    equal((second.state, str(second.dependencies.state)), ("Cancelled", "dependencyConditionsNotFulfilled"))
    until_over(third)
    equal((third.state, str(third.dependencies.state)), ("Success", "dependencyConditionsFulfilled"))
    fourth = a_task_of(connection, job)
    fourth.set_task_advanced_dependencies([AdvancedDependency(third.uuid, [TaskFinalStateSuccess()])])
    ran(fourth)
    equal(fourth.state, "Success")
    without = connection.create_job("without dependencies")
    without.submit()
    foreign = a_task_of(connection, without)
    foreign.set_task_dependencies_from_uuids([third.uuid])
    raises(Exception, foreign.submit)


@row(73)
def ends_jobs_whose_time_is_over():
    connection = connect()
    job = connection.create_job("short")
    job.max_wall_time = "00:00:02"
    job.submit()
    task = a_task_of(connection, job, "sleep 3600")
    task.submit()
    until_over(task)
    equal(task.state, "Cancelled")


@contextlib.contextmanager
def a_pool(pool):
    """The pool, submitted; deleted in the end, whatever happens: its slots hold what others wait for."""
    pool.submit()
    uuid_of_pool = pool.uuid
    try:
        yield pool
    finally:
        connect()._delete("/pools/%s" % uuid_of_pool)


def until_pool(pool, *states):
    def step():
        pool.update(True)
        if pool.state == "Failure" and "Failure" not in states:
            raise AssertionError("the pool has failed: %s" % pool.errors)
        return pool.state in states

    until(step, "the pool is %s, not %s" % (pool.state, states))


def in_pool(connection, pool, command, **more):
    task = connection.create_task("in a pool", pool, 1, **more)
    task.constants["DOCKER_CMD"] = command
    return task


@row(47, 48, 55, 60, 63)
def runs_tasks_in_a_pool():
    connection = connect()
    pool = connection.create_pool("python pool", "docker-batch", 1, shortname=unique("pool"))
    pool.constants["GREETING"] = "hello"
    pool.preparation_command_line = "sh -c 'echo prepared > made.txt; echo printed; echo wrong >&2'"
    pool.multi_slots_settings = MultiSlotsSettings(1)
    pool.completion_ttl = "01:00:00"
    pool.auto_delete = True
    with a_pool(pool):
        equal(isinstance(pool.creation_date, datetime.datetime), True)
        for name in (pool.uuid, pool.shortname):
            found = connection.retrieve_pool(name)
            equal((found.uuid, found.shortname, found.profile), (pool.uuid, pool.shortname, "docker-batch"))
            equal((found.auto_delete, found.completion_ttl), (True, "01:00:00"))
            equal(found.preparation_command_line, pool.preparation_command_line)
            equal(found.multi_slots_settings, MultiSlotsSettings(1))
            equal((found.is_elastic, found.scaling), (False, None))
        until_pool(pool, "FullyExecuting")
        equal((pool.running_instance_count, pool.total_slot_capacity), (1, 1))
        equal((lines(pool.stdout()), lines(pool.stderr())), (["0> printed"], ["0> wrong"]))
        equal((lines(pool.fresh_stdout()), lines(pool.fresh_stdout())), (["0> printed"], []))
        equal(lines(pool.fresh_stderr()), ["0> wrong"])
        task = ran(in_pool(connection, pool, "sh -c 'echo $GREETING; cat made.txt'"))
        equal((task.state, lines(task.stdout(0))), ("Success", ["hello", "prepared"]))
        job = connection.create_job("in a pool", pool=pool)
        job.submit()
        equal(connection.retrieve_job(job.uuid)._pool_uuid, pool.uuid)
        of_job = connection.create_task("of a job in a pool", job=job)
        of_job.constants["DOCKER_CMD"] = "cat made.txt"
        ran(of_job)
        equal((of_job.state, lines(of_job.stdout(0))), ("Success", ["prepared"]))
        equal(connection._get("/tasks/%s" % of_job.uuid).json()["poolUuid"], pool.uuid)
        repr(pool)
        name = pool.uuid
        pool.delete()
        equal(pool.uuid, None)
        raises(MissingPoolException, lambda: connection.retrieve_pool(name))
    raises(MissingPoolException, lambda: connection.retrieve_pool(unique("none")))
    raises(QarnotGenericException, connection.create_pool("none", unique("none")).submit, "profile")


@row(50, 51)
def lists_pools_in_pages():
    connection = connect()
    tags = [unique("tag"), unique("tag")]

    def empty_pool(own):
        pool = connection.create_elastic_pool("listed", "docker-batch", 0, 1)
        pool.tags = own
        return pool

    with a_pool(empty_pool(tags)) as one, a_pool(empty_pool(tags[:1])) as other:
        both = {one.uuid, other.uuid}
        equal({pool.uuid for pool in connection.all_pools(tags=tags)}, both)
        equal([pool.uuid for pool in connection.all_pools(tags_intersect=tags)], [one.uuid])
        for is_summary in (True, False):
            equal(both <= {pool.uuid for pool in connection.all_pools(summary=is_summary)}, True)
        page = connection.pools_page(maximum=1, tags=tags)
        equal((len(page.page_data), page.is_truncated), (1, True))
        short = [pool for pool in connection.all_pools() if pool.uuid == one.uuid]
        equal((short[0].tags, short[0].name), (tags, "listed"))


@row(53, 62)
def changes_an_elastic_pool():
    connection = connect()
    pool = connection.create_elastic_pool("elastic", "docker-batch", 0, 1, 0, 1, 0.5, 60)
    pool.tags = ["before"]
    pool.constants["KEPT"] = "as it is"
    with a_pool(pool):
        found = connection.retrieve_pool(pool.uuid)
        equal((found.is_elastic, found.elastic_minimum_slots, found.elastic_maximum_slots), (True, 0, 1))
        equal((found.elastic_minimum_idle_time, found.elastic_resize_factor, found.elastic_resize_period), (1, 0.5, 60))
        found.tags = ["after"]
        found.elastic_minimum_idle_time = 2
        found.commit()
        again = connection.retrieve_pool(pool.uuid)
        equal((again.tags, again.elastic_minimum_idle_time, again.elastic_resize_period), (["after"], 2, 60))
        equal(again.constants["KEPT"], "as it is")
        equal(again.running_instance_count, 0)
        equal(ran(in_pool(connection, pool, "true")).state, "Success")

        def is_small_again():
            pool.update(True)
            return pool.running_instance_count == 0

        until(is_small_again, "the pool did not become small again")


@row(58, 61)
def keeps_a_scaling():
    connection = connect()
    noon = datetime.time(12, 0, 0)
    night = TimePeriodWeeklyRecurring(["monday", "sunday"], noon, noon.replace(hour=13, minute=30), name="lunch")
    pool = connection.create_pool("scaled", "docker-batch")
    rest = FixedScalingPolicy(0, "rest", [TimePeriodAlways("always")])
    managed = ManagedTasksQueueScalingPolicy(0, 1, 0, 30, 0.5, "managed", [night])
    pool.scaling = Scaling([rest, managed])
    with a_pool(pool):
        found = connection.retrieve_pool(pool.uuid)
        equal(found.scaling.to_json(), Scaling([rest, managed]).to_json())
        equal(found.scaling.active_policy_name, "rest")
        found.scaling = Scaling([FixedScalingPolicy(0, "other", [TimePeriodAlways()]), managed])
        found.commit()
        again = connection.retrieve_pool(pool.uuid).scaling
        equal((again.active_policy_name, [one.name for one in again.policies]), ("other", ["other", "managed"]))


@row(54, 64)
def brings_new_files_to_a_pool():
    connection = connect()
    bucket = connection.create_bucket(unique("pool-in"))
    bucket.add_string("first", "data.txt")
    pool = connection.create_pool("with resources", "docker-batch")
    pool.resources.append(bucket)
    pool.tasks_default_wait_for_pool_resources_synchronization = True
    with a_pool(pool):
        until_pool(pool, "FullyExecuting")
        equal(lines(ran(in_pool(connection, pool, "cat data.txt")).stdout(0)), ["first"])
        bucket.add_string("second", "data.txt")
        pool.update_resources()
        equal(lines(ran(in_pool(connection, pool, "cat data.txt")).stdout(0)), ["second"])
    missing = connection.create_pool("without a bucket", "docker-batch")
    missing.resources.append(qarnot.bucket.Bucket(connection, unique("none"), False))
    raises(MissingBucketException, missing.submit)


@row(56)
def closes_a_pool():
    connection = connect()
    with a_pool(connection.create_pool("closed", "docker-batch")) as pool:
        until_pool(pool, "FullyExecuting")
        pool.close()
        equal(pool.state in ("Closing", "Closed"), True)
        raises(UnauthorizedException, pool.close)
        raises(QarnotGenericException, in_pool(connection, pool, "true").submit, "closed")
        until_pool(pool, "Closed")


@row(78)
def keeps_secrets():
    secrets = Secrets(connect())
    key = "python/%s/with a space/%s" % (uuid.uuid4().hex, "\N{KEY}")
    raises(SecretNotFoundException, lambda: secrets.get_secret(key))
    raises(SecretNotFoundException, lambda: secrets.update_secret(key, "x"))
    raises(SecretNotFoundException, lambda: secrets.delete_secret(key))
    equal(secrets.create_secret("/%s/" % key, "one"), key)
    raises(SecretConflictException, lambda: secrets.create_secret(key, "two"))
    equal(secrets.get_secret(key), "one")
    for value in ("", "line\nline", "nul \x00", "\N{KEY}" * 16384, "x" * 65536):
        secrets.update_secret(key, value)
        equal(secrets.get_secret("/%s/" % key), value)
    raises(QarnotGenericException, lambda: secrets.update_secret(key, "x" * 65537), "65536")
    raises(QarnotGenericException, lambda: secrets.create_secret("a//b", "x"), "slash")
    secrets.delete_secret(key)
    raises(SecretNotFoundException, lambda: secrets.get_secret(key))
    secrets.create_secret(key, "again")
    equal(secrets.get_secret(key), "again")


@row(80)
def lets_tasks_read_secrets():
    connection = connect()
    secrets = Secrets(connection)
    root = unique("task")
    for name in ("one", "some/two", "some/three", "none"):
        secrets.create_secret("%s/%s" % (root, name), "value of %s" % name)
    rights = SecretsAccessRights()
    rights.add_secret_by_key("%s/one" % root).add_secrets_by_keys(["%s/missing" % root])
    rights.add_secret_by_prefix("%s/some/" % root).add_secrets_by_prefixes(["%s/nothing" % root])
    # In capitals: a value as it is would be taken out of the output.
    command = "sh -c 'cd $QARNOT_SECRETS_DIR/%s && grep -r . . | sort | tr a-z A-Z'" % root
    expected = ["./ONE:VALUE OF ONE", "./SOME/THREE:VALUE OF SOME/THREE", "./SOME/TWO:VALUE OF SOME/TWO"]
    task = a_task(connection, command)
    task.secrets_access_rights = rights
    equal(lines(ran(task).stdout(0)), expected)
    equal(connection.retrieve_task(task.uuid).secrets_access_rights.to_json(), rights.to_json())
    refused = a_task(connection, command)
    refused.secrets_access_rights = SecretsAccessRights([SecretAccessRightBySecret("a//b")])
    raises(QarnotGenericException, refused.submit)
    pool = connection.create_pool("with secrets", "docker-batch")
    pool.secrets_access_rights = rights
    with a_pool(pool):
        until_pool(pool, "FullyExecuting")
        equal(lines(ran(in_pool(connection, pool, command)).stdout(0)), expected)


@row(79)
def lists_secrets():
    secrets = Secrets(connect())
    root = unique("list")
    keys = ["%s/%s" % (root, name) for name in ("a", "b/c", "b/d/e", "b/d/f")]
    for key in keys:
        secrets.create_secret(key, "v")
    equal(sorted(secrets.list_secrets(root)), ["%s/a" % root, "%s/b/" % root])
    equal(sorted(secrets.list_secrets("/%s/b/" % root)), ["%s/b/c" % root, "%s/b/d/" % root])
    equal(sorted(secrets.list_secrets(root, recursive=True)), keys)
    equal("%s/" % root in secrets.list_secrets(""), True)
    raises(SecretNotFoundException, lambda: secrets.list_secrets("%s/none" % root))


def outcome(function):
    try:
        function()
        return None
    except BaseException:  # noqa: B902
        return traceback.format_exc(limit=-4)


if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        outcomes = dict(zip([function.__name__ for function in ROWS], pool.map(outcome, ROWS)))
    print(json.dumps(outcomes))
