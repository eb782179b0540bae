"""Manifests of `leat deploy kubernetes` against the schemas of Kubernetes, and against each other.

    check_kubernetes.py FOLDER ...    each folder as leat deploy kubernetes wrote it

Needs kubernetes-validate and PyYAML from PyPI; exits with 77 where they are not here. The schemas
of Rollout and ServiceMonitor are not Kubernetes' own: what they contain of it (the pod template, the
selector) is judged inside a Deployment."""
import copy, pathlib, sys

try:
    import kubernetes_validate, yaml
except ImportError as e:
    print(f"{e.name} is not here")
    sys.exit(77)

VERSIONS = ["1.29", kubernetes_validate.latest_version()]  # the oldest in use, the newest
OTHERS = {"argoproj.io/v1alpha1", "monitoring.coreos.com/v1", "kustomize.config.k8s.io/v1beta1"}
faults = []


def expect(ok, what):
    if not ok:
        faults.append(what)


def valid(document, version):
    try:
        kubernetes_validate.validate(document, version, strict=True)
        return None
    except Exception as e:
        return str(e).splitlines()[0]


def judge(document, name):
    for version in VERSIONS:
        why = valid(document, version)
        expect(why is None, f"{name}: Kubernetes {version}: {why}")


def strict():
    """The judge itself: it must refuse a field that does not exist, a wrong type, a missing field."""
    good = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
            "spec": {"ports": [{"port": 80}]}}
    bad = [copy.deepcopy(good) for _ in range(3)]
    bad[0]["spec"]["colour"] = "red"
    bad[1]["spec"]["ports"][0]["port"] = "eighty"
    del bad[2]["spec"]["ports"][0]["port"]
    for version in VERSIONS:
        expect(valid(good, version) is None, f"the schemas of {version} refuse a service")
        for i, document in enumerate(bad):
            expect(valid(document, version), f"the schemas of {version} take the wrong service {i}")


def as_deployment(rollout):
    spec = {k: v for k, v in rollout["spec"].items() if k != "strategy"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": rollout["metadata"], "spec": spec}


def check_rollout(d):
    expect(set(d["spec"]) <= {"minReadySeconds", "revisionHistoryLimit", "selector", "strategy", "template"},
           "rollout: a field that Argo Rollouts does not have")
    canary = d["spec"]["strategy"]["canary"]
    expect(set(canary) == {"maxUnavailable", "maxSurge", "steps"}, "rollout: the canary's fields")
    weights = [s["setWeight"] for s in canary["steps"] if "setWeight" in s]
    expect(weights and weights == sorted(set(weights)) and weights[-1] <= 100, "rollout: shares grow")
    expect(all(set(s) == {"setWeight"} or set(s["pause"]) == {"duration"} for s in canary["steps"]),
           "rollout: steps")


def check_pods(spec, template):
    pod = template["spec"]
    server = pod["containers"][0]
    context = pod["securityContext"]
    expect(context["runAsNonRoot"] is True and context["runAsUser"] > 0, "pods run as root")
    expect(context["seccompProfile"] == {"type": "RuntimeDefault"}, "pods: no seccomp profile")
    expect(pod["automountServiceAccountToken"] is False, "pods get a token")
    for c in pod["containers"] + pod.get("initContainers", []):
        s = c["securityContext"]
        expect(s["readOnlyRootFilesystem"] and not s["allowPrivilegeEscalation"], c["name"] + ": rights")
        expect(s["capabilities"] == {"drop": ["ALL"]}, c["name"] + ": capabilities")
        expect("memory" in c["resources"]["limits"] and "cpu" in c["resources"]["requests"], c["name"])
        volumes = {v["name"] for v in pod["volumes"]}
        mounts = [m["mountPath"] for m in c["volumeMounts"]]
        expect({m["name"] for m in c["volumeMounts"]} <= volumes, c["name"] + ": an unknown volume")
        expect(len(mounts) == len(set(mounts)), c["name"] + ": a path mounted twice")
    expect(spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items(),
           "the selector does not find the pods")
    expect(server["startupProbe"]["httpGet"]["path"] == "/v2/health/ready", "startup probe")
    expect(server["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready", "readiness probe")
    expect(server["livenessProbe"]["httpGet"]["path"] == "/v2/health/live", "liveness probe")
    pause = int(server["lifecycle"]["preStop"]["exec"]["command"][-1])
    drain = 25  # of leat serve
    expect(pod["terminationGracePeriodSeconds"] > pause + drain, "pods are killed while they drain")
    expect({c["topologyKey"] for c in pod["topologySpreadConstraints"]} ==
           {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}, "spread")
    return {p["name"]: p["containerPort"] for p in server["ports"]}, template["metadata"]["labels"]


def check(folder):
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    expect(sorted(listed) == sorted(p.name for p in folder.glob("*.yaml") if p.name != "kustomization.yaml"),
           f"{folder}: kustomization.yaml does not list what is there")
    objects = [(n, d) for n in listed for d in yaml.safe_load_all((folder / n).read_text())]
    kinds = {}
    for name, d in objects:
        kinds.setdefault(d["kind"], []).append(d)
        if d["kind"] == "Rollout":
            check_rollout(d)
            d = as_deployment(d)
        if d["apiVersion"] not in OTHERS:
            judge(d, f"{folder}/{name}")
    work = (kinds.get("Deployment") or kinds["Rollout"])[0]
    ports, labels = check_pods(work["spec"], work["spec"]["template"])
    for service in kinds["Service"]:
        expect(service["spec"]["selector"].items() <= labels.items(), "a service finds no pods")
        expect(all(p["targetPort"] in ports for p in service["spec"]["ports"]), "a service's port")
    expect(sum(s["spec"].get("clusterIP") == "None" for s in kinds["Service"]) == len(ports), "headless services")
    scaler = kinds["HorizontalPodAutoscaler"][0]["spec"]
    target = scaler["scaleTargetRef"]
    expect((target["apiVersion"], target["kind"], target["name"]) ==
           (work["apiVersion"], work["kind"], work["metadata"]["name"]), "the autoscaler's target")
    expect(scaler["minReplicas"] <= scaler["maxReplicas"], "replicas")
    expect(all(scaler["behavior"][k]["stabilizationWindowSeconds"] > 0 for k in ("scaleUp", "scaleDown")),
           "no stabilisation")
    expect("replicas" not in work["spec"], "replicas are set twice")
    budget = kinds["PodDisruptionBudget"][0]["spec"]
    expect(budget["selector"]["matchLabels"].items() <= labels.items(), "the budget finds no pods")
    policy = kinds["NetworkPolicy"][0]["spec"]
    expect(policy["podSelector"]["matchLabels"].items() <= labels.items(), "the policy finds no pods")
    expect(set(policy["policyTypes"]) == {"Ingress", "Egress"}, "the policy leaves a way open")
    expect(all(p["port"] in ports for rule in policy["ingress"] for p in rule["ports"]), "the policy's ports")
    for monitor in kinds.get("ServiceMonitor", []):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        found = [s for s in kinds["Service"] if wanted <= s["metadata"]["labels"].items()]
        expect(len(found) == 1 and found[0]["spec"]["ports"][0]["name"] == monitor["spec"]["endpoints"][0]["port"],
               "the service monitor finds no service")


strict()
for f in sys.argv[1:]:
    check(pathlib.Path(f))
for f in faults:
    print(f)
sys.exit(bool(faults))
