/* An SMTP server that takes everything and keeps nothing: not the bottleneck of a benchmark.
 *
 *     cc -O2 -o sink sink.c && ./sink COUNTS [-d MILLISECONDS] [-C] [-l LOG]
 *
 * Listens on a free port of 127.0.0.1 and prints it. COUNTS is a file of four 64-bit numbers kept
 * up to date in shared memory: mails, octets, connections, CPU microseconds. -d holds every answer
 * back, as a distant network does; -C offers no CHUNKING; -l writes "SECONDS RECIPIENT" as the
 * first octet of each mail's body comes. One thread, epoll.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

enum { COMMANDS, DATA, CHUNK };
enum { MAILS, OCTETS, CONNECTIONS, CPU };

struct late {
    struct late *next;
    long long due;
    int size;
    char text[];
};

struct line {
    int fd, state, last, recipients, ended, matched, used, said;
    long left;
    char text[2048], recipient[512], answer[1 << 16];
    struct late *first, *newest;
    struct line *next_late, *before_late;
};

static long long *counts;
static long hold;
static int chunking = 1;
static FILE *journal;
static struct line *waiting;
static volatile sig_atomic_t ending;

static void end(int signal) { (void)signal; ending = 1; }

static long long clock_us(clockid_t which)
{
    struct timespec at;
    clock_gettime(which, &at);
    return at.tv_sec * 1000000LL + at.tv_nsec / 1000;
}

static void say(struct line *c, const char *text)
{
    int size = strlen(text);
    if (c->said + size <= (int)sizeof c->answer) {
        memcpy(c->answer + c->said, text, size);
        c->said += size;
    }
}

static void begin_body(struct line *c, int state)
{
    c->state = state;
    c->matched = 2; /* an end of line stands before the body: a dot may follow at once */
    if (journal)
        fprintf(journal, "%.6f %s\n", clock_us(CLOCK_REALTIME) / 1e6, c->recipient);
}

static void taken(struct line *c)
{
    c->state = COMMANDS;
    if (c->recipients) {
        counts[MAILS]++;
        say(c, "250 2.0.0 taken\r\n");
    } else
        say(c, "554 5.5.1 no valid recipients\r\n");
    c->recipients = 0;
}

static void recipient(struct line *c, const char *text)
{
    const char *from = strchr(text, '<'), *to = from ? strchr(from, '>') : NULL;
    if (!to || to - from > (long)sizeof c->recipient) {
        say(c, "501 5.1.3 what?\r\n");
        return;
    }
    memcpy(c->recipient, from + 1, to - from - 1);
    c->recipient[to - from - 1] = 0;
    c->recipients = 1;
    say(c, "250 2.1.5 ok\r\n");
}

static void command(struct line *c, const char *text)
{
    if (!strncasecmp(text, "RCPT", 4))
        recipient(c, text);
    else if (!strncasecmp(text, "MAIL", 4))
        say(c, "250 2.1.0 ok\r\n");
    else if (!strncasecmp(text, "BDAT", 4)) {
        begin_body(c, CHUNK);
        c->left = atol(text + 4);
        c->last = strcasestr(text, "LAST") != NULL;
    } else if (!strncasecmp(text, "DATA", 4) && c->recipients) {
        say(c, "354 go on\r\n");
        begin_body(c, DATA);
    } else if (!strncasecmp(text, "DATA", 4))
        say(c, "554 5.5.1 no valid recipients\r\n");
    else if (!strncasecmp(text, "RSET", 4)) {
        c->recipients = 0;
        say(c, "250 2.0.0 ok\r\n");
    } else if (!strncasecmp(text, "EHLO", 4)) {
        say(c, "250-sink\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-PIPELINING\r\n");
        say(c, chunking ? "250-CHUNKING\r\n250 SMTPUTF8\r\n" : "250 SMTPUTF8\r\n");
    } else if (!strncasecmp(text, "QUIT", 4)) {
        say(c, "221 2.0.0 bye\r\n");
        c->ended = 1;
    } else
        say(c, "250 2.0.0 ok\r\n");
}

/* Octets of a body up to CRLF . CRLF, which may be cut anywhere; returns how many were its own.
 * Sought is the dot, the rarest of the five: memmem takes 20 microseconds for a mail of 50 kB. */
static long body(struct line *c, const char *octets, long size)
{
    static const char mark[] = "\r\n.\r\n";
    long at = 0;
    while (at < size) {
        if (!c->matched) {
            const char *dot = memchr(octets + at, '.', size - at);
            long behind = (dot ? dot - octets : size) - at;
            if (dot && behind >= 2 && dot[-2] == '\r' && dot[-1] == '\n')
                at += behind - 2;
            else if (dot) {
                at += behind + 1;
                continue;
            } else /* only what may begin the mark at the very end is of interest */
                at += behind > 2 ? behind - 2 : 0;
        }
        while (at < size && octets[at] == mark[c->matched]) {
            at++;
            if (++c->matched == 5) {
                taken(c);
                return at;
            }
        }
        if (at < size) {
            at += c->matched ? 0 : 1;
            c->matched = 0;
        }
    }
    return size;
}

static void feed(struct line *c, const char *octets, long size)
{
    while (size > 0) {
        long used;
        if (c->state == CHUNK) {
            used = size < c->left ? size : c->left;
            c->left -= used;
            if (!c->left && c->last)
                taken(c);
            else if (!c->left) {
                c->state = COMMANDS;
                say(c, "250 2.0.0 ok\r\n");
            }
        } else if (c->state == DATA)
            used = body(c, octets, size);
        else {
            const char *end_of_line = memchr(octets, '\n', size);
            used = end_of_line ? end_of_line - octets + 1 : size;
            if (c->used + used < (long)sizeof c->text) {
                memcpy(c->text + c->used, octets, used);
                c->used += used;
            }
            if (end_of_line) {
                c->text[c->used] = 0;
                c->used = 0;
                command(c, c->text);
            }
        }
        octets += used;
        size -= used;
    }
}

static void put(int fd, const char *text, int size)
{
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            usleep(100);
        else if (sent < 0)
            return;
        else
            text += sent, size -= sent;
    }
}

static void leave_waiting(struct line *c)
{
    *(c->before_late ? &c->before_late->next_late : &waiting) = c->next_late;
    if (c->next_late)
        c->next_late->before_late = c->before_late;
    c->next_late = c->before_late = NULL;
    c->newest = NULL;
}

static void answer(struct line *c)
{
    if (!c->said)
        return;
    if (!hold)
        put(c->fd, c->answer, c->said);
    else {
        struct late *one = malloc(sizeof *one + c->said);
        one->next = NULL;
        one->due = clock_us(CLOCK_MONOTONIC) + hold;
        one->size = c->said;
        memcpy(one->text, c->answer, c->said);
        if (c->first)
            c->newest->next = one;
        else {
            c->first = one;
            c->next_late = waiting;
            if (waiting)
                waiting->before_late = c;
            waiting = c;
        }
        c->newest = one;
    }
    c->said = 0;
}

static void hang_up(struct line *c)
{
    if (c->first)
        leave_waiting(c);
    while (c->first) {
        struct late *one = c->first;
        c->first = one->next;
        free(one);
    }
    close(c->fd);
    free(c);
}

/* Says what is due; milliseconds until the next answer is. */
static int say_late(void)
{
    long long now = clock_us(CLOCK_MONOTONIC), soonest = now + 1000000;
    for (struct line *c = waiting, *next; c; c = next) {
        next = c->next_late;
        while (c->first && c->first->due <= now) {
            struct late *one = c->first;
            put(c->fd, one->text, one->size);
            c->first = one->next;
            free(one);
        }
        if (c->first)
            soonest = c->first->due < soonest ? c->first->due : soonest;
        else {
            leave_waiting(c);
            if (c->ended)
                hang_up(c);
        }
    }
    return (soonest - now + 999) / 1000;
}

static void welcome(int listener, int poll)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct line *c = calloc(1, sizeof *c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        counts[CONNECTIONS]++;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        say(c, "220 sink ESMTP\r\n");
        answer(c);
    }
}

static void hear(struct line *c)
{
    static char octets[1 << 18];
    ssize_t size = recv(c->fd, octets, sizeof octets, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        hang_up(c);
        return;
    }
    counts[OCTETS] += size;
    feed(c, octets, size);
    answer(c);
    if (c->ended && !hold)
        hang_up(c);
}

static int listening(void)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (bind(listener, (void *)&at, size) || listen(listener, 512)) {
        perror("sink");
        exit(1);
    }
    getsockname(listener, (void *)&at, &size);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return listener;
}

static void share(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4 * sizeof *counts)) {
        perror(path);
        exit(1);
    }
    counts = mmap(NULL, 4 * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

int main(int argc, char **argv)
{
    int option, poll = epoll_create1(0), listener;
    struct epoll_event event = {.events = EPOLLIN}, events[256];
    while ((option = getopt(argc, argv, "d:Cl:")) != -1) {
        if (option == 'd')
            hold = atof(optarg) * 1000;
        else if (option == 'C')
            chunking = 0;
        else if (option == 'l')
            journal = fopen(optarg, "w");
    }
    if (optind >= argc) {
        fprintf(stderr, "usage: sink [-d MILLISECONDS] [-C] [-l LOG] COUNTS\n");
        return 2;
    }
    share(argv[optind]);
    signal(SIGTERM, end);
    signal(SIGINT, end);
    listener = listening();
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    while (!ending) {
        int count = epoll_wait(poll, events, 256, waiting ? say_late() : 1000);
        for (int at = 0; at < count; at++) {
            if (events[at].data.ptr)
                hear(events[at].data.ptr);
            else
                welcome(listener, poll);
        }
        counts[CPU] = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    }
    if (journal)
        fclose(journal);
    return 0;
}
