/* Owns: the Dockerfile: Leat built in one stage, what serving needs in the other. */
#include "deploy/kubernetes.h"

#include <string.h>

/* With tables, images and everything that serving uses; without charts and downloads. */
static const char build_packages[] =
    "        cmake gcc libc6-dev libhttp-parser-dev libjansson-dev libjpeg-dev libpng-dev \\\n"
    "        libpq-dev libseccomp-dev libsqlite3-dev libssl-dev libuv1-dev libyaml-dev \\\n"
    "        libzstd-dev ninja-build pkg-config zlib1g-dev \\\n";
static const char run_packages[] =
    "        libhttp-parser2.9 libjansson4 libjpeg62-turbo libpng16-16 libpq5 libseccomp2 \\\n"
    "        libsqlite3-0 libssl3 libuv1 libyaml-0-2 libzstd1 zlib1g \\\n";

static void add_packages(leati_str *s, const char *packages)
{
    leati_str_addf(s,
                   "# Versions are those of the Debian release.\n"
                   "# hadolint ignore=DL3008\n"
                   "RUN apt-get update \\\n"
                   "    && apt-get install -y --no-install-recommends \\\n"
                   "%s"
                   "    && rm -rf /var/lib/apt/lists/*\n",
                   packages);
}

void leati_kubernetes_dockerfile(leati_str *s, const leati_kubernetes *k)
{
    bool with_models = strcmp(LEATI_KUBERNETES_TEXT_OF(k, models), "image") == 0;
    leati_str_addf(s,
                   "# syntax=docker/dockerfile:1\n"
                   "# In the folder of Leat's sources:\n"
                   "#   docker build -t %s -f FOLDER/Dockerfile %s.\n"
                   "FROM debian:bookworm-slim AS build\n",
                   LEATI_KUBERNETES_TEXT_OF(k, image),
                   with_models ? "--build-context models=MODELS " : "");
    add_packages(s, build_packages);
    leati_str_add(s, "WORKDIR /src\n"
                     "COPY . .\n"
                     "RUN cmake --preset release && ninja -C build leat && strip build/leat\n"
                     "\n"
                     "FROM debian:bookworm-slim\n");
    add_packages(s, run_packages);
    leati_str_add(s, "COPY --from=build /src/build/leat /usr/local/bin/leat\n");
    if (with_models)
        leati_str_add(s, "# The folder of models: a build context of its own.\n"
                         "# hadolint ignore=DL3022\n"
                         "COPY --from=models . /models/\n");
    leati_str_addf(s,
                   "ENV LEAT_HOME=/tmp/leat\n"
                   "USER %d:%d\n"
                   "EXPOSE %ld\n"
                   "STOPSIGNAL SIGTERM\n"
                   "ENTRYPOINT [\"/usr/local/bin/leat\"]\n"
                   "CMD [\"serve\", \"/models\", \"--listen=0.0.0.0:%ld\"]\n",
                   LEATI_KUBERNETES_USER, LEATI_KUBERNETES_USER, LEATI_KUBERNETES_NUMBER(k, port),
                   LEATI_KUBERNETES_NUMBER(k, port));
}
