/* Models in Kubernetes: manifests and a Dockerfile.
 *
 *     leat_kubernetes_setting s[] = {{"image", "registry.example/iris:3"}, {"replicas", "3"}};
 *     leat_kubernetes_write(c, "iris", s, 2, "deploy/iris");
 *
 * then `kubectl apply -k deploy/iris`. What is written depends on the settings alone: it can be
 * kept beside the code and compared. */
#ifndef LEAT_KUBERNETES_H
#define LEAT_KUBERNETES_H

#include <stddef.h>

#include <leat/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A row of leat/kubernetes_options.def and what it is set to; a switch: "yes" or "no". */
typedef struct leat_kubernetes_setting {
    const char *key, *value;
} leat_kubernetes_setting;

/* Writes into `folder` (made if it is not there): deployment.yaml or rollout.yaml, services.yaml,
 * autoscaler.yaml, disruption.yaml, network.yaml, service-monitor.yaml where it is asked for,
 * kustomization.yaml, Dockerfile and Dockerfile.dockerignore. Each file appears complete or not at all; others of these names
 * from an earlier run are removed. name: a DNS-1123 label of at most 50 characters, from which all
 * objects take theirs. Errors: INVALID (which setting, what was expected), IO, NOMEM. */
LEAT_API LEAT_CHECKED leat_status leat_kubernetes_write(leat_context *context, const char *name,
                                                        const leat_kubernetes_setting *settings,
                                                        size_t count, const char *folder);

#ifdef __cplusplus
}
#endif

#endif
