/* What the manifests are made from, and the functions that write them. */
#ifndef LEATI_DEPLOY_KUBERNETES_H
#define LEATI_DEPLOY_KUBERNETES_H

#include "deploy/yaml_out.h"

#include <leat/kubernetes.h>

/* Settings by the rows of leat/kubernetes_options.def: texts as given or by default, "" for none;
 * switches and numbers as such. */
typedef enum leati_kubernetes_key {
#define OPTION(key, name, kind, value, standard, least, most, doc) LEATI_KUBERNETES_##key,
#include <leat/kubernetes_options.def>
#undef OPTION
    LEATI_KUBERNETES_KEYS
} leati_kubernetes_key;

enum { LEATI_KUBERNETES_MOST_STEPS = 32, LEATI_KUBERNETES_TEXT = 512 };

typedef struct leati_kubernetes {
    const char *name;
    char text[LEATI_KUBERNETES_KEYS][LEATI_KUBERNETES_TEXT];
    long number[LEATI_KUBERNETES_KEYS]; /* of WHOLE; of SWITCH 0 or 1 */
    long steps[LEATI_KUBERNETES_MOST_STEPS];
    int step_count;
    long workers; /* that pods are started with */
} leati_kubernetes;

#define LEATI_KUBERNETES_TEXT_OF(k, key) ((k)->text[LEATI_KUBERNETES_##key])
#define LEATI_KUBERNETES_NUMBER(k, key)  ((k)->number[LEATI_KUBERNETES_##key])

/* Times that belong together, in seconds: while a pod ends, the others learn of it (pause), then
 * requests under way are answered (leat serve drains for so long), and then it is killed. */
enum {
    LEATI_KUBERNETES_PAUSE = 5,
    LEATI_KUBERNETES_DRAIN = 25,
    LEATI_KUBERNETES_GRACE = LEATI_KUBERNETES_PAUSE + LEATI_KUBERNETES_DRAIN + 5
};
enum { LEATI_KUBERNETES_USER = 10001 };

/* kubernetes_settings.c. INVALID. */
leat_status leati_kubernetes_read(leat_context *c, const char *name,
                                  const leat_kubernetes_setting *settings, size_t count,
                                  leati_kubernetes *out);

/* apiVersion, kind and metadata of an object "NAME" or "NAME-part"; the root map stays open. */
void leati_kubernetes_object(leati_yaml *y, const leati_kubernetes *k, const char *version,
                             const char *kind, const char *part);
/* The labels by which pods are found. */
void leati_kubernetes_selector(leati_yaml *y, const leati_kubernetes *k, const char *key);

/* kubernetes_pods.c: a Deployment, or a Rollout. */
void leati_kubernetes_workload(leati_yaml *y, const leati_kubernetes *k);
/* kubernetes_parts.c */
void leati_kubernetes_services(leati_yaml *y, const leati_kubernetes *k);
void leati_kubernetes_autoscaler(leati_yaml *y, const leati_kubernetes *k);
void leati_kubernetes_disruption(leati_yaml *y, const leati_kubernetes *k);
void leati_kubernetes_network(leati_yaml *y, const leati_kubernetes *k);
void leati_kubernetes_monitor(leati_yaml *y, const leati_kubernetes *k);
/* kubernetes_image.c */
void leati_kubernetes_dockerfile(leati_str *s, const leati_kubernetes *k);

#endif
