#include "support/serve_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

bool serve_client_open(serve_client *k, const char *url)
{
    const char *colon = strrchr(url, ':');
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct timeval limit = {20, 0};
    *k = (serve_client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    if (k->fd < 0 || !colon) return false;
    to.sin_port = htons((unsigned short)atoi(colon + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(k->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    /* Head and body are sent one after the other. */
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return connect(k->fd, (struct sockaddr *)&to, sizeof to) == 0;
}

void serve_client_close(serve_client *k)
{
    if (k->fd >= 0) close(k->fd);
    free(k->reply);
    *k = (serve_client){.fd = -1};
}

static bool send_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

static bool send_sliced(const serve_client *k, const char *data, size_t length)
{
    struct timespec rest = {0, 2000000};
    while (k->slice && length > k->slice) {
        if (!send_all(k->fd, data, k->slice)) return false;
        data += k->slice;
        length -= k->slice;
        nanosleep(&rest, NULL);
    }
    return send_all(k->fd, data, length);
}

/* One more piece of the answer. */
static bool receive(serve_client *k)
{
    if (k->capacity - k->length < 65537) {
        size_t capacity = 2 * k->capacity + 131072;
        char *more = realloc(k->reply, capacity);
        if (!more) return false;
        k->reply = more;
        k->capacity = capacity;
    }
    ssize_t n;
    do n = recv(k->fd, k->reply + k->length, 65536, 0);
    while (n < 0 && errno == EINTR); /* also when the process was stopped for a while */
    if (n <= 0) return false;
    k->length += (size_t)n;
    k->reply[k->length] = '\0';
    return true;
}

bool serve_client_header(const serve_client *k, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    const char *line = k->reply;
    while ((line = strstr(line, "\r\n")) && strncmp(line, "\r\n\r\n", 4) != 0) {
        line += 2;
        if (strncasecmp(line, name, n) != 0 || line[n] != ':') continue;
        const char *value = line + n + 1 + strspn(line + n + 1, " ");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
        return true;
    }
    return false;
}

bool serve_client_ask(serve_client *k, const char *method, const char *path, const char *headers,
                      const void *body, size_t length)
{
    char head[4096], value[32];
    k->length = 0;
    k->status = 0;
    const char *host = strncmp(headers, "Host:", 5) == 0 ? "" : "Host: localhost\r\n";
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\n%s%sContent-Length: %zu\r\n\r\n", method,
                     path, host, headers, length);
    if (n < 0 || (size_t)n >= sizeof head || !send_all(k->fd, head, (size_t)n)) return false;
    if (!send_sliced(k, body, length)) return false;
    char *end = NULL;
    while (!end) {
        if (!receive(k)) return false;
        end = strstr(k->reply, "\r\n\r\n");
    }
    size_t at = (size_t)(end + 4 - k->reply), whole = 0;
    if (strcmp(method, "HEAD") != 0 &&
        serve_client_header(k, "content-length", value, sizeof value))
        whole = (size_t)strtoul(value, NULL, 10);
    while (k->length < at + whole)
        if (!receive(k)) return false;
    k->status = atoi(k->reply + 9);
    k->body = k->reply + at;
    k->body_length = whole;
    return true;
}

bool serve_client_holds(const char *text, const char *words)
{
    char one[512];
    while (*words) {
        size_t n = strcspn(words, "|");
        snprintf(one, sizeof one, "%.*s", (int)n, words);
        if (!strstr(text, one)) {
            printf("    the answer lacks: %s\n", one);
            return false;
        }
        words += n + (words[n] == '|');
    }
    return true;
}
