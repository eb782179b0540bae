/* Owns: what stands around the pods: services, autoscaler, disruption budget, network policy,
 * service monitor. */
#include "deploy/kubernetes.h"

/* ---- services ---------------------------------------------------------------------------------
 */

static void write_service(leati_yaml *y, const leati_kubernetes *k, const char *part,
                          const char *port_name, long port, bool headless)
{
    leati_kubernetes_object(y, k, "v1", "Service", part);
    leati_yaml_map(y, "spec");
    leati_yaml_text(y, "type", "ClusterIP");
    if (headless) leati_yaml_text(y, "clusterIP", "None");
    leati_kubernetes_selector(y, k, "selector");
    leati_yaml_list(y, "ports");
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "name", port_name);
    leati_yaml_whole(y, "port", port);
    leati_yaml_text(y, "targetPort", port_name);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* For callers; for callers that balance by themselves (a name with every pod's address); for
 * Prometheus. */
void leati_kubernetes_services(leati_yaml *y, const leati_kubernetes *k)
{
    write_service(y, k, "", "http", 80, false);
    write_service(y, k, "-headless", "http", LEATI_KUBERNETES_NUMBER(k, port), true);
    if (LEATI_KUBERNETES_NUMBER(k, metrics_port))
        write_service(y, k, "-metrics", "metrics", LEATI_KUBERNETES_NUMBER(k, metrics_port), true);
}

/* ---- autoscaler -------------------------------------------------------------------------------
 */

static void write_policy(leati_yaml *y, const char *type, int value, int seconds)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "type", type);
    leati_yaml_whole(y, "value", value);
    leati_yaml_whole(y, "periodSeconds", seconds);
    leati_yaml_end(y);
}

/* Up when it was needed for half a minute, at most double or four more in that time; down one by
 * one, when it was not needed for ten minutes. */
static void write_behavior(leati_yaml *y)
{
    leati_yaml_map(y, "behavior");
    leati_yaml_map(y, "scaleUp");
    leati_yaml_whole(y, "stabilizationWindowSeconds", 30);
    leati_yaml_text(y, "selectPolicy", "Max");
    leati_yaml_list(y, "policies");
    write_policy(y, "Percent", 100, 30);
    write_policy(y, "Pods", 4, 30);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_map(y, "scaleDown");
    leati_yaml_whole(y, "stabilizationWindowSeconds", 600);
    leati_yaml_text(y, "selectPolicy", "Min");
    leati_yaml_list(y, "policies");
    write_policy(y, "Pods", 1, 60);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

void leati_kubernetes_autoscaler(leati_yaml *y, const leati_kubernetes *k)
{
    bool rollout = LEATI_KUBERNETES_NUMBER(k, rollouts);
    leati_kubernetes_object(y, k, "autoscaling/v2", "HorizontalPodAutoscaler", "");
    leati_yaml_map(y, "spec");
    leati_yaml_map(y, "scaleTargetRef");
    leati_yaml_text(y, "apiVersion", rollout ? "argoproj.io/v1alpha1" : "apps/v1");
    leati_yaml_text(y, "kind", rollout ? "Rollout" : "Deployment");
    leati_yaml_text(y, "name", k->name);
    leati_yaml_end(y);
    leati_yaml_whole(y, "minReplicas", LEATI_KUBERNETES_NUMBER(k, replicas));
    leati_yaml_whole(y, "maxReplicas", LEATI_KUBERNETES_NUMBER(k, max_replicas));
    leati_yaml_list(y, "metrics");
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "type", "Resource");
    leati_yaml_map(y, "resource");
    leati_yaml_text(y, "name", "cpu");
    leati_yaml_map(y, "target");
    leati_yaml_text(y, "type", "Utilization");
    leati_yaml_whole(y, "averageUtilization", LEATI_KUBERNETES_NUMBER(k, target_cpu));
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
    write_behavior(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* ---- disruption budget ------------------------------------------------------------------------
 */

void leati_kubernetes_disruption(leati_yaml *y, const leati_kubernetes *k)
{
    leati_kubernetes_object(y, k, "policy/v1", "PodDisruptionBudget", "");
    leati_yaml_map(y, "spec");
    leati_yaml_whole(y, "maxUnavailable", 1);
    leati_yaml_comment(y, "pods that are not ready do not keep a node from being emptied");
    leati_yaml_text(y, "unhealthyPodEvictionPolicy", "AlwaysAllow");
    leati_yaml_map(y, "selector");
    leati_kubernetes_selector(y, k, "matchLabels");
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* ---- network policy ---------------------------------------------------------------------------
 */

static void write_peer_namespace(leati_yaml *y, const char *name)
{
    leati_yaml_map(y, NULL);
    leati_yaml_map(y, "namespaceSelector");
    leati_yaml_map(y, "matchLabels");
    leati_yaml_text(y, "kubernetes.io/metadata.name", name);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_peer_own(leati_yaml *y)
{
    leati_yaml_map(y, NULL);
    leati_yaml_map(y, "podSelector");
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_port(leati_yaml *y, const char *protocol, const char *name, int number)
{
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "protocol", protocol);
    if (name) leati_yaml_text(y, "port", name);
    else leati_yaml_whole(y, "port", number);
    leati_yaml_end(y);
}

static void write_metrics_ingress(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_map(y, NULL);
    leati_yaml_list(y, "from");
    write_peer_namespace(y, LEATI_KUBERNETES_TEXT_OF(k, monitoring));
    leati_yaml_end(y);
    leati_yaml_list(y, "ports");
    write_port(y, "TCP", "metrics", 0);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static void write_ingress(leati_yaml *y, const leati_kubernetes *k)
{
    leati_yaml_list(y, "ingress");
    leati_yaml_map(y, NULL);
    leati_yaml_list(y, "from");
    write_peer_own(y);
    if (*LEATI_KUBERNETES_TEXT_OF(k, allow_from))
        write_peer_namespace(y, LEATI_KUBERNETES_TEXT_OF(k, allow_from));
    leati_yaml_end(y);
    leati_yaml_list(y, "ports");
    write_port(y, "TCP", "http", 0);
    leati_yaml_end(y);
    leati_yaml_end(y);
    if (LEATI_KUBERNETES_NUMBER(k, metrics_port)) write_metrics_ingress(y, k);
    leati_yaml_end(y);
}

/* Pods connect to nothing, but for names and databases where a setting needs them. */
static void write_egress(leati_yaml *y, const leati_kubernetes *k)
{
    bool database =
        *LEATI_KUBERNETES_TEXT_OF(k, keys_secret) || *LEATI_KUBERNETES_TEXT_OF(k, registry_secret);
    leati_yaml_list(y, "egress");
    if (database) {
        leati_yaml_map(y, NULL);
        leati_yaml_list(y, "to");
        write_peer_namespace(y, "kube-system");
        leati_yaml_end(y);
        leati_yaml_list(y, "ports");
        write_port(y, "UDP", NULL, 53);
        write_port(y, "TCP", NULL, 53);
        leati_yaml_end(y);
        leati_yaml_end(y);
        leati_yaml_map(y, NULL);
        leati_yaml_list(y, "ports");
        write_port(y, "TCP", NULL, 5432);
        leati_yaml_end(y);
        leati_yaml_end(y);
    }
    leati_yaml_end(y);
}

void leati_kubernetes_network(leati_yaml *y, const leati_kubernetes *k)
{
    leati_kubernetes_object(y, k, "networking.k8s.io/v1", "NetworkPolicy", "");
    leati_yaml_map(y, "spec");
    leati_yaml_map(y, "podSelector");
    leati_kubernetes_selector(y, k, "matchLabels");
    leati_yaml_end(y);
    leati_yaml_list(y, "policyTypes");
    leati_yaml_text(y, NULL, "Ingress");
    leati_yaml_text(y, NULL, "Egress");
    leati_yaml_end(y);
    write_ingress(y, k);
    write_egress(y, k);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

/* ---- service monitor --------------------------------------------------------------------------
 */

void leati_kubernetes_monitor(leati_yaml *y, const leati_kubernetes *k)
{
    leati_kubernetes_object(y, k, "monitoring.coreos.com/v1", "ServiceMonitor", "");
    leati_yaml_map(y, "spec");
    leati_yaml_map(y, "selector");
    leati_yaml_map(y, "matchLabels");
    leati_yaml_text(y, "app.kubernetes.io/instance", k->name);
    leati_yaml_text(y, "app.kubernetes.io/component", "metrics");
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_list(y, "endpoints");
    leati_yaml_map(y, NULL);
    leati_yaml_text(y, "port", "metrics");
    leati_yaml_text(y, "path", "/metrics");
    leati_yaml_text(y, "interval", "15s");
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
    leati_yaml_end(y);
}
