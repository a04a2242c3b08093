"""The manifests for Kubernetes name what there is, and agree with one another."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.docs.test_commands import options_of
from tests.docs.test_settings import documented

FOLDER = ROOT / "docs" / "howto" / "kubernetes"
# `preStop` of what serves, and what a process needs to stop besides letting runs finish.
STOP_SECONDS = 35


def manifests() -> list[dict[str, Any]]:
    return [
        manifest
        for file in sorted(FOLDER.glob("*.yaml"))
        for manifest in yaml.safe_load_all(file.read_text())
    ]


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests() if manifest["kind"] in kinds]


def named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


WORKLOADS = of_kind("Deployment", "Job")
DEPLOYMENTS = of_kind("Deployment")
each_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=named)
each_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=named)


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def container_of(workload: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(workload)["containers"]
    found: dict[str, Any] = container
    return found


def settings_of_all() -> dict[str, str]:
    (config,) = of_kind("ConfigMap")
    data: dict[str, str] = config["data"]
    return data


def test_every_manifest_is_one_of_a_known_version() -> None:
    versions = {
        "ConfigMap": "v1",
        "Deployment": "apps/v1",
        "HorizontalPodAutoscaler": "autoscaling/v2",
        "Job": "batch/v1",
        "PodDisruptionBudget": "policy/v1",
        "Service": "v1",
    }

    assert {manifest["kind"]: manifest["apiVersion"] for manifest in manifests()} == versions
    assert len({named(manifest) for manifest in manifests()}) == len(manifests())


def test_the_configuration_has_settings_only_each_written_as_a_text() -> None:
    assert settings_of_all().keys() <= documented().keys()
    assert all(isinstance(value, str) for value in settings_of_all().values())


@each_workload
def test_a_container_runs_a_command_that_there_is_with_settings_that_there_are(
    workload: dict[str, Any],
) -> None:
    container = container_of(workload)

    python, manage, command, *arguments = container["command"]
    assert (python, manage) == ("python", "manage.py")
    assert {word for word in arguments if word.startswith("--")} <= options_of(command)
    assert {variable["name"] for variable in container.get("env", [])} <= documented().keys()
    assert [next(iter(source)) for source in container["envFrom"]] == ["configMapRef", "secretRef"]
    assert "memory" in container["resources"]["limits"]


@each_deployment
def test_a_pod_is_given_the_time_that_it_needs_to_stop(deployment: dict[str, Any]) -> None:
    executes = "--no-engine" not in container_of(deployment)["command"]
    drain_seconds = float(settings_of_all()["DRAIN_SECONDS"]) if executes else 0.0

    given = pod_of(deployment)["terminationGracePeriodSeconds"]

    assert given >= drain_seconds + STOP_SECONDS


@each_deployment
def test_probes_ask_a_port_that_is_open(deployment: dict[str, Any]) -> None:
    container = container_of(deployment)
    ports = {port["name"] for port in container["ports"]}

    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
        assert container[probe]["httpGet"]["path"] in ("/ok", "/metrics")


def test_selectors_find_the_pods_that_they_are_for() -> None:
    labels = [deployment["spec"]["template"]["metadata"]["labels"] for deployment in DEPLOYMENTS]
    budgets = [
        budget["spec"]["selector"]["matchLabels"] for budget in of_kind("PodDisruptionBudget")
    ]
    (service,) = of_kind("Service")

    assert [one["spec"]["selector"]["matchLabels"] for one in DEPLOYMENTS] == labels
    assert budgets == labels
    assert service["spec"]["selector"] in labels


def test_the_scaler_is_of_a_deployment_and_never_down_to_one() -> None:
    (scaler,) = of_kind("HorizontalPodAutoscaler")

    target = scaler["spec"]["scaleTargetRef"]
    assert target["name"] in {deployment["metadata"]["name"] for deployment in DEPLOYMENTS}
    assert scaler["spec"]["minReplicas"] >= 2


def test_one_process_alone_prepares_the_database() -> None:
    preparing = [
        container_of(workload)["command"][2]
        for workload in WORKLOADS
        if {"name": "AUTO_MIGRATE", "value": "true"} in container_of(workload).get("env", [])
    ]

    assert settings_of_all()["AUTO_MIGRATE"] == "false"
    assert preparing == ["startup"]
