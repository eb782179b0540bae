/* Owns: the pods: containers, probes, how they end, what they may do; the Deployment or Rollout
 * around them. */
#include "deploy/kubernetes.h"

#include <stdio.h>
#include <string.h>

static bool from_registry(const leati_kubernetes *k)
{
    return strcmp(LEATI_KUBERNETES_TEXT_OF(k, models), "registry") == 0;
}

/* Pods speak to the registry themselves, instead of finding models that were pulled. */
static bool in_pool(const leati_kubernetes *k)
{
    return *LEATI_KUBERNETES_TEXT_OF(k, pool) != '\0';
}

static void write_secret(leati_yaml *y, const char *variable, const char *secret)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", variable);
    leati_yaml_map(y, "valueFrom");
    leati_yaml_map(y, "secretKeyRef");
    leati_yaml_text(y, "name", secret);
    leati_yaml_text(y, "key", "url");
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_variable(leati_yaml *y, const char *name, const char *value)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", name);
    leati_yaml_text(y, "value", value);
    leati_yaml_end(y);
}

static void write_mount(leati_yaml *y, const char *name, const char *path, bool read_only)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", name);
    leati_yaml_text(y, "mountPath", path);
    if (read_only) leati_yaml_flag(y, "readOnly", true);
    leati_yaml_end(y);
}

/* The same for every container: no way to more rights, nothing written outside of volumes. */
static void write_container_security(leati_yaml *y)
{
    leati_yaml_map(y, "securityContext");
    leati_yaml_flag(y, "allowPrivilegeEscalation", false);
    leati_yaml_flag(y, "readOnlyRootFilesystem", true);
    leati_yaml_map(y, "capabilities");
    leati_yaml_list(y, "drop");
    leati_yaml_text(y, NULL, "ALL");
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_pod_security(leati_yaml *y)
{
    leati_yaml_map(y, "securityContext");
    leati_yaml_flag(y, "runAsNonRoot", true);
    leati_yaml_whole(y, "runAsUser", LEATI_KUBERNETES_USER);
    leati_yaml_whole(y, "runAsGroup", LEATI_KUBERNETES_USER);
    leati_yaml_whole(y, "fsGroup", LEATI_KUBERNETES_USER);
    leati_yaml_map(y, "seccompProfile");
    leati_yaml_text(y, "type", "RuntimeDefault");
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* Memory is what it may use; processors are what it is sure of, and more where the node has them:
 * a limit would stop it in the middle of answers. */
static void write_resources(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_map(y, "resources");
    leati_yaml_map(y, "requests");
    leati_yaml_text(y, "cpu", LEATI_KUBERNETES_TEXT_OF(k, cpu));
    leati_yaml_text(y, "memory", LEATI_KUBERNETES_TEXT_OF(k, memory));
    leati_yaml_end(y);
    leati_yaml_map(y, "limits");
    leati_yaml_text(y, "memory", LEATI_KUBERNETES_TEXT_OF(k, memory));
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_probe(leati_yaml *y, const char *key, const char *path, int period, int failures)
{
    leati_yaml_map(y, key);
    leati_yaml_map(y, "httpGet");
    leati_yaml_text(y, "path", path);
    leati_yaml_text(y, "port", "http");
    leati_yaml_end(y);
    leati_yaml_whole(y, "periodSeconds", period);
    leati_yaml_whole(y, "timeoutSeconds", 2);
    leati_yaml_whole(y, "failureThreshold", failures);
    leati_yaml_end(y);
}

/* Started: models are open and warm. Ready: it takes requests. Live does not depend on models, so
 * that a missing one never makes pods start over. */
static void write_probes(leati_yaml *y)
{
    write_probe(y, "startupProbe", "/v2/health/ready", 1, 120);
    write_probe(y, "readinessProbe", "/v2/health/ready", 2, 2);
    write_probe(y, "livenessProbe", "/v2/health/live", 10, 3);
}

static void write_lifecycle(leati_yaml *y)
{
    leati_yaml_map(y, "lifecycle");
    leati_yaml_map(y, "preStop");
    leati_yaml_map(y, "exec");
    leati_yaml_comment(y, "until nobody sends requests here any more; SIGTERM comes then");
    leati_yaml_list(y, "command");
    leati_yaml_text(y, NULL, "/bin/sleep");
    leati_yaml_textf(y, NULL, "%d", LEATI_KUBERNETES_PAUSE);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* Where the catalogue is; its files are mounted, wherever those who pushed saw them. */
static void write_catalogue(leati_yaml *y, const leati_kubernetes *k)
{
    if (*LEATI_KUBERNETES_TEXT_OF(k, registry_secret))
        write_secret(y, "LEAT_REGISTRY", LEATI_KUBERNETES_TEXT_OF(k, registry_secret));
    else write_variable(y, "LEAT_REGISTRY", "/registry");
}

/* "NAME@ALIAS" of what is to be pulled, one after the other; NULL: there is no other one. */
static const char *next_pulled(const char *at, size_t *length)
{
    *length = at ? strcspn(at, ",") : 0;
    return at && at[*length] ? at + *length + 1 : NULL;
}

static void write_models(leati_yaml *y, const leati_kubernetes *k)
{
    size_t n;
    if (!in_pool(k)) {
        leati_yaml_text(y, NULL, "/models");
        return;
    }
    for (const char *at = LEATI_KUBERNETES_TEXT_OF(k, pull), *next; at; at = next) {
        next = next_pulled(at, &n);
        leati_yaml_textf(y, NULL, "%.*s", (int)n, at);
    }
    leati_yaml_textf(y, NULL, "--pool=%s", LEATI_KUBERNETES_TEXT_OF(k, pool));
    leati_yaml_text(y, NULL, "--objects=/registry");
}

static void write_arguments(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_list(y, "args");
    leati_yaml_text(y, NULL, "serve");
    write_models(y, k);
    leati_yaml_textf(y, NULL, "--listen=0.0.0.0:%ld", LEATI_KUBERNETES_NUMBER(k, port));
    if (LEATI_KUBERNETES_NUMBER(k, metrics_port))
        leati_yaml_textf(y, NULL, "--metrics=0.0.0.0:%ld",
                         LEATI_KUBERNETES_NUMBER(k, metrics_port));
    leati_yaml_textf(y, NULL, "--workers=%ld", k->workers);
    leati_yaml_textf(y, NULL, "--keys=%s",
                     *LEATI_KUBERNETES_TEXT_OF(k, keys_secret) ? "yes" : "no");
    if (LEATI_KUBERNETES_NUMBER(k, sandbox)) leati_yaml_text(y, NULL, "--sandbox");
    leati_yaml_end(y);
}

static void write_port(leati_yaml *y, const char *name, long port)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", name);
    leati_yaml_whole(y, "containerPort", port);
    leati_yaml_end(y);
}

static void write_server(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_list(y, "containers");
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", "leat");
    leati_yaml_text(y, "image", LEATI_KUBERNETES_TEXT_OF(k, image));
    write_arguments(y, k);
    leati_yaml_list(y, "ports");
    write_port(y, "http", LEATI_KUBERNETES_NUMBER(k, port));
    if (LEATI_KUBERNETES_NUMBER(k, metrics_port))
        write_port(y, "metrics", LEATI_KUBERNETES_NUMBER(k, metrics_port));
    leati_yaml_end(y);
    leati_yaml_list(y, "env");
    write_variable(y, "LEAT_HOME", "/tmp/leat");
    if (*LEATI_KUBERNETES_TEXT_OF(k, keys_secret))
        write_secret(y, "LEAT_KEYS", LEATI_KUBERNETES_TEXT_OF(k, keys_secret));
    if (in_pool(k)) write_catalogue(y, k);
    leati_yaml_end(y);
    write_resources(y, k);
    write_probes(y);
    write_lifecycle(y);
    write_container_security(y);
    leati_yaml_list(y, "volumeMounts");
    write_mount(y, "tmp", "/tmp", false);
    if (in_pool(k)) write_mount(y, "registry", "/registry", true);
    else if (strcmp(LEATI_KUBERNETES_TEXT_OF(k, models), "image") != 0)
        write_mount(y, "models", "/models", true);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* ---- models from the registry -----------------------------------------------------------------
 */

static void write_pull(leati_yaml *y, const leati_kubernetes *k, int number, const char *version,
                       size_t length)
{
    size_t name = strcspn(version, "@");
    leati_yaml_map(y, NULL);
    leati_yaml_textf(y, "name", "pull-%d", number);
    leati_yaml_text(y, "image", LEATI_KUBERNETES_TEXT_OF(k, image));
    leati_yaml_list(y, "args");
    leati_yaml_text(y, NULL, "registry");
    leati_yaml_text(y, NULL, "pull");
    leati_yaml_textf(y, NULL, "%.*s", (int)length, version);
    leati_yaml_textf(y, NULL, "--output=/models/%.*s.leat", (int)name, version);
    if (*LEATI_KUBERNETES_TEXT_OF(k, registry_secret))
        leati_yaml_text(y, NULL, "--objects=/registry");
    leati_yaml_end(y);
    leati_yaml_list(y, "env");
    write_variable(y, "LEAT_HOME", "/tmp/leat");
    write_catalogue(y, k);
    leati_yaml_end(y);
    write_resources(y, k);
    write_container_security(y);
    leati_yaml_list(y, "volumeMounts");
    write_mount(y, "tmp", "/tmp", false);
    write_mount(y, "models", "/models", false);
    write_mount(y, "registry", "/registry", false);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_pulls(leati_yaml *y, const leati_kubernetes *k)
{
    int number = 1;
    leati_yaml_list(y, "initContainers");
    size_t n;
    for (const char *at = LEATI_KUBERNETES_TEXT_OF(k, pull), *next; at; at = next) {
        next = next_pulled(at, &n);
        write_pull(y, k, number++, at, n);
    }
    leati_yaml_end(y);
}

/* ---- volumes ----------------------------------------------------------------------------------
 */

static void write_claim(leati_yaml *y, const char *name, const char *claim, bool read_only)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", name);
    leati_yaml_map(y, "persistentVolumeClaim");
    leati_yaml_text(y, "claimName", claim);
    if (read_only) leati_yaml_flag(y, "readOnly", true);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_empty(leati_yaml *y, const char *name, const char *limit)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", name);
    leati_yaml_map(y, "emptyDir");
    if (limit) leati_yaml_text(y, "sizeLimit", limit);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_volumes(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_list(y, "volumes");
    write_empty(y, "tmp", "64Mi");
    if (*LEATI_KUBERNETES_TEXT_OF(k, claim))
        write_claim(y, "models", LEATI_KUBERNETES_TEXT_OF(k, claim), true);
    if (from_registry(k)) {
        if (!in_pool(k)) write_empty(y, "models", NULL);
        write_claim(y, "registry", LEATI_KUBERNETES_TEXT_OF(k, registry_claim), in_pool(k));
    }
    leati_yaml_end(y);
}

/* ---- around the pods --------------------------------------------------------------------------
 */

/* Pods on different nodes and in different zones, as far as that goes. */
static void write_spread(leati_yaml *y, const leati_kubernetes *k)
{
    static const char *const keys[] = {"kubernetes.io/hostname", "topology.kubernetes.io/zone"};
    leati_yaml_list(y, "topologySpreadConstraints");
    for (int i = 0; i < 2; i++) {
        leati_yaml_map(y, NULL);
        leati_yaml_whole(y, "maxSkew", 1);
        leati_yaml_text(y, "topologyKey", keys[i]);
        leati_yaml_text(y, "whenUnsatisfiable", "ScheduleAnyway");
        leati_yaml_map(y, "labelSelector");
        leati_kubernetes_selector(y, k, "matchLabels");
        leati_yaml_end(y);
        leati_yaml_end(y);
    }
    leati_yaml_end(y);
}

static void write_template(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_map(y, "template");
    leati_yaml_map(y, "metadata");
    leati_kubernetes_selector(y, k, "labels");
    leati_yaml_end(y);
    leati_yaml_map(y, "spec");
    leati_yaml_flag(y, "automountServiceAccountToken", false);
    leati_yaml_flag(y, "enableServiceLinks", false);
    leati_yaml_whole(y, "terminationGracePeriodSeconds", LEATI_KUBERNETES_GRACE);
    write_pod_security(y);
    write_spread(y, k);
    if (from_registry(k) && !in_pool(k)) write_pulls(y, k);
    write_server(y, k);
    write_volumes(y, k);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_rolling(leati_yaml *y)
{
    leati_yaml_map(y, "strategy");
    leati_yaml_text(y, "type", "RollingUpdate");
    leati_yaml_map(y, "rollingUpdate");
    leati_yaml_whole(y, "maxUnavailable", 0);
    leati_yaml_text(y, "maxSurge", "25%");
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* Without a traffic router, Argo Rollouts rounds shares to whole pods. */
static void write_canary(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_map(y, "strategy");
    leati_yaml_map(y, "canary");
    leati_yaml_whole(y, "maxUnavailable", 0);
    leati_yaml_text(y, "maxSurge", "25%");
    leati_yaml_list(y, "steps");
    for (int i = 0; i < k->step_count; i++) {
        leati_yaml_map(y, NULL);
        leati_yaml_whole(y, "setWeight", k->steps[i]);
        leati_yaml_end(y);
        leati_yaml_map(y, NULL);
        leati_yaml_map(y, "pause");
        leati_yaml_textf(y, "duration", "%lds", LEATI_KUBERNETES_NUMBER(k, hold));
        leati_yaml_end(y);
        leati_yaml_end(y);
    }
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

void leati_kubernetes_workload(leati_yaml *y, const leati_kubernetes *k)
{
    bool rollout = LEATI_KUBERNETES_NUMBER(k, rollouts);
    leati_kubernetes_object(y, k, rollout ? "argoproj.io/v1alpha1" : "apps/v1",
                            rollout ? "Rollout" : "Deployment", "");
    leati_yaml_map(y, "spec");
    leati_yaml_comment(y, "no replicas: their number is the autoscaler's");
    leati_yaml_whole(y, "minReadySeconds", 5);
    leati_yaml_whole(y, "revisionHistoryLimit", 5);
    leati_yaml_map(y, "selector");
    leati_kubernetes_selector(y, k, "matchLabels");
    leati_yaml_end(y);
    if (rollout) write_canary(y, k);
    else write_rolling(y);
    write_template(y, k);
    leati_yaml_end(y);
    leati_yaml_end(y);
}
