/* Owns: the files that are written, and what all objects share. */
#include "deploy/kubernetes.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

void leati_kubernetes_selector(leati_yaml *y, const leati_kubernetes *k, const char *key)
{
    leati_yaml_map(y, key);
    leati_yaml_text(y, "app.kubernetes.io/name", "leat");
    leati_yaml_text(y, "app.kubernetes.io/instance", k->name);
    leati_yaml_end(y);
}

void leati_kubernetes_object(leati_yaml *y, const leati_kubernetes *k, const char *version,
                             const char *kind, const char *part)
{
    leati_yaml_document(y);
    leati_yaml_text(y, "apiVersion", version);
    leati_yaml_text(y, "kind", kind);
    leati_yaml_map(y, "metadata");
    leati_yaml_textf(y, "name", "%s%s", k->name, part);
    if (*LEATI_KUBERNETES_TEXT_OF(k, namespace))
        leati_yaml_text(y, "namespace", LEATI_KUBERNETES_TEXT_OF(k, namespace));
    leati_yaml_map(y, "labels");
    leati_yaml_text(y, "app.kubernetes.io/name", "leat");
    leati_yaml_text(y, "app.kubernetes.io/instance", k->name);
    if (*part) leati_yaml_text(y, "app.kubernetes.io/component", part + 1);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

typedef struct file {
    const char *name;
    void (*write)(leati_yaml *y, const leati_kubernetes *k);
    bool wanted;
} file;

enum { FILES = 7 };

static void list_files(const leati_kubernetes *k, file out[FILES])
{
    bool rollouts = LEATI_KUBERNETES_NUMBER(k, rollouts);
    const file files[FILES] = {
        {"deployment.yaml", leati_kubernetes_workload, !rollouts},
        {"rollout.yaml", leati_kubernetes_workload, rollouts},
        {"services.yaml", leati_kubernetes_services, true},
        {"autoscaler.yaml", leati_kubernetes_autoscaler, true},
        {"disruption.yaml", leati_kubernetes_disruption, true},
        {"network.yaml", leati_kubernetes_network, true},
        {"service-monitor.yaml", leati_kubernetes_monitor,
         LEATI_KUBERNETES_NUMBER(k, service_monitor)},
    };
    memcpy(out, files, sizeof files);
}

static void write_kustomization(leati_yaml *y, const file files[FILES])
{
    leati_yaml_document(y);
    leati_yaml_text(y, "apiVersion", "kustomize.config.k8s.io/v1beta1");
    leati_yaml_text(y, "kind", "Kustomization");
    leati_yaml_list(y, "resources");
    for (int i = 0; i < FILES; i++)
        if (files[i].wanted) leati_yaml_text(y, NULL, files[i].name);
    leati_yaml_end(y);
    leati_yaml_end(y);
}

static leat_status put(leat_context *c, const char *folder, const char *name, const leati_str *text)
{
    char *path = leati_path_join(c, folder, name);
    if (!path) return leat_error_status(c);
    leat_status st = leati_file_write(c, path, leati_str_text(text), text->length);
    leati_free(path);
    return st;
}

/* What an earlier run wrote by other settings would still be applied by who applies the folder. */
static leat_status take_away(leat_context *c, const char *folder, const char *name)
{
    char *path = leati_path_join(c, folder, name);
    if (!path) return leat_error_status(c);
    bool there = leati_path_exists(path), gone = !there || unlink(path) == 0;
    leat_status st = gone ? LEAT_OK
                          : LEATI_FAIL(c, LEAT_IO,
                                       "%s belongs to other settings and cannot be "
                                       "removed",
                                       path);
    leati_free(path);
    return st;
}

static leat_status put_yaml(leat_context *c, const char *folder, const char *name, leati_yaml *y)
{
    leat_status st = leati_yaml_finish(y);
    return st == LEAT_OK ? put(c, folder, name, &y->text) : st;
}

static leat_status write_files(leat_context *c, const leati_kubernetes *k, const char *folder)
{
    file files[FILES];
    leat_status st = LEAT_OK;
    leati_yaml y;
    list_files(k, files);
    for (int i = 0; i < FILES && st == LEAT_OK; i++) {
        if (!files[i].wanted) {
            st = take_away(c, folder, files[i].name);
            continue;
        }
        leati_yaml_init(&y, c);
        files[i].write(&y, k);
        st = put_yaml(c, folder, files[i].name, &y);
        leati_yaml_fini(&y);
    }
    if (st != LEAT_OK) return st;
    leati_yaml_init(&y, c);
    write_kustomization(&y, files);
    st = put_yaml(c, folder, "kustomization.yaml", &y);
    leati_yaml_fini(&y);
    return st;
}

/* With what is not to go into the build: BuildKit reads it by its name. */
static leat_status write_dockerfile(leat_context *c, const leati_kubernetes *k, const char *folder)
{
    leati_str s;
    leati_str_init(&s, c);
    leati_kubernetes_dockerfile(&s, k);
    leat_status st = leati_str_status(&s);
    if (st == LEAT_OK) st = put(c, folder, "Dockerfile", &s);
    leati_str_clear(&s);
    leati_str_add(&s, ".git\nbuild*\n");
    if (st == LEAT_OK) st = leati_str_status(&s);
    if (st == LEAT_OK) st = put(c, folder, "Dockerfile.dockerignore", &s);
    leati_str_fini(&s);
    return st;
}

leat_status leat_kubernetes_write(leat_context *c, const char *name,
                                  const leat_kubernetes_setting *settings, size_t count,
                                  const char *folder)
{
    leati_kubernetes *k = LEATI_NEW(c, leati_kubernetes, 1);
    if (!k) return leat_error_status(c);
    leat_status st = leati_kubernetes_read(c, name, settings, count, k);
    if (st == LEAT_OK) st = leati_folder_make(c, folder);
    if (st == LEAT_OK) st = write_files(c, k, folder);
    if (st == LEAT_OK) st = write_dockerfile(c, k, folder);
    leati_free(k);
    return st;
}
