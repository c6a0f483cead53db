/*
 * usage: webcam FOLDER
 * Plugs a USB webcam into this kernel until it is killed: a UVC camera that sends the pictures in
 * FOLDER.
 *
 * The kernel's gadget drivers cannot be used: dummy_hcd fails every isochronous transfer, and
 * webcams send pictures by those. Instead, this program is the remote end of vhci_hcd, which
 * connects USB devices of another machine through a socket. The socket carries USB/IP (big-endian
 * numbers), which carries USB and UVC 1.0 (little-endian numbers).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A mode's pictures: a file that holds them one after another, and is played in a loop. */
struct mode {
    const char *file;
    uint8_t format, frame; /* its indices in the descriptors below */
    int width, height;
    size_t length, at; /* of the file's bytes */
    uint8_t *bytes;
};
static struct mode modes[] = {
    {"1280x720.mjpeg", 1, 1, 1280, 720, 0, 0, NULL},
    {"640x360.mjpeg", 1, 2, 640, 360, 0, 0, NULL},
    {"320x180.yuyv", 2, 1, 320, 180, 0, 0, NULL},
    {"640x360.h264", 3, 1, 640, 360, 0, 0, NULL},
};
#define MODES (sizeof modes / sizeof *modes)

enum { FPS = 5, PACKET = 3072, LARGEST = 1 << 18, ENDPOINT = 1 };
#define W(n) ((n) & 255), ((n) >> 8 & 255)
#define D(n) W(n), ((n) >> 16 & 255), ((n) >> 24 & 255)
#define INTERVAL (10000000 / FPS) /* in 100 ns */

static const uint8_t device[] = {18, 1, W(0x200), 0xef, 2, 1, 64, W(0x1209), W(0x0001), W(0x100), 1, 2, 0, 1};
static const char *strings[] = {"posed", "webcam"};
/* A frame descriptor: its type, its index in the format, its size, and one frame rate. */
#define FRAME(type, n, w, h) 30, 0x24, type, n, 0, W(w), W(h), D(w * h * 8 * FPS), D(w * h * 16 * FPS), \
    D(w * h * 2), D(INTERVAL), 1, D(INTERVAL)
/* The same for a format with inter-frame coding. */
#define CODED_FRAME(n, w, h) 30, 0x24, 17, n, 0, W(w), W(h), D(w * h * FPS), D(w * h * 2 * FPS), D(INTERVAL), 1, D(0), \
    D(INTERVAL)
#define GUID(a, b, c, d) a, b, c, d, 0, 0, 16, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71
#define CONTROL_LENGTH (13 + 17 + 9)
#define STREAM_LENGTH (16 + 11 + 2 * 30 + 6 + 27 + 30 + 6 + 28 + 30)
#define CONFIG_LENGTH (9 + 8 + 9 + CONTROL_LENGTH + 9 + STREAM_LENGTH + 9 + 7)
static const uint8_t config[] = {
    9, 2, W(CONFIG_LENGTH), 2, 1, 0, 0x80, 250,
    8, 11, 0, 2, 14, 3, 0, 0, /* one camera of two interfaces: */
    9, 4, 0, 0, 0, 14, 1, 0, 0, /* the controls: a sensor (1), and the cable (2) */
    13, 0x24, 1, W(0x100), W(CONTROL_LENGTH), D(48000000), 1, 1,
    17, 0x24, 2, 1, W(0x201), 0, 0, W(0), W(0), W(0), 2, 0, 0,
    9, 0x24, 3, 2, W(0x101), 0, 1, 0,
    9, 4, 1, 0, 0, 14, 2, 0, 0, /* the stream while no pictures are sent: */
    16, 0x24, 1, 3, W(STREAM_LENGTH), 0x80 | ENDPOINT, 0, 2, 0, 0, 0, 1, 0, 0, 0,
    11, 0x24, 6, 1, 2, 0, 1, 0, 0, 0, 0, /* MJPEG, in two sizes */
    FRAME(7, 1, 1280, 720),
    FRAME(7, 2, 640, 360),
    6, 0x24, 13, 1, 1, 4,
    27, 0x24, 4, 2, 1, GUID('Y', 'U', 'Y', '2'), 16, 1, 0, 0, 0, 0,
    FRAME(5, 1, 320, 180),
    6, 0x24, 13, 1, 1, 4,
    28, 0x24, 16, 3, 1, GUID('H', '2', '6', '4'), 16, 1, 0, 0, 0, 0, 1,
    CODED_FRAME(1, 640, 360),
    9, 4, 1, 1, 1, 14, 2, 0, 0, /* and while they are: 3 times 1024 bytes every millisecond */
    7, 5, 0x80 | ENDPOINT, 5, W(0x1400), 4,
};
_Static_assert(sizeof config == CONFIG_LENGTH, "the lengths in the descriptors are wrong");

/* USB/IP: requests and answers. */
enum { SUBMIT = 1, UNLINK = 2 };
struct header {
    uint32_t command, seq, device, in, endpoint;
    union {
        struct { uint32_t flags, length, start, packets, interval; uint8_t setup[8]; } submit;
        struct { uint32_t status, length, start, packets, errors; } done;
        uint32_t unlinked, status;
        uint8_t size[28];
    };
};
struct packet { uint32_t offset, length, actual, status; };
/* An isochronous request that waits for a picture. */
struct request { struct header header; struct packet packets[64]; };

static int cable;
static struct request waiting[16];
static size_t requests;
static struct mode *mode = modes;
static uint8_t probe[26]; /* UVC's probe control: the mode agreed with the driver */
/* The rest of the picture, and the bit that differs between neighbouring pictures. */
static const uint8_t *picture;
static size_t left;
static uint8_t toggle;

static void get(void *to, size_t length) {
    for (ssize_t n; length; to = (char *)to + n, length -= n)
        if ((n = read(cable, to, length)) <= 0) errx(1, "unplugged");
}

static void put(const void *from, size_t length) {
    for (ssize_t n; length; from = (const char *)from + n, length -= n)
        if ((n = write(cable, from, length)) <= 0) errx(1, "unplugged");
}

static void done(const struct header *asked, int status, const void *data, size_t length) {
    struct header answer = {.command = htonl(3), .seq = asked->seq,
        .done = {htonl(status), htonl(length), 0, asked->submit.packets, 0}};
    put(&answer, sizeof answer);
    if (asked->in) put(data, length);
}

/* Switches to the mode that the driver requests, if there is one. */
static void negotiate(void) {
    for (struct mode *m = modes; m < modes + MODES; m++)
        if (m->format == probe[2] && m->frame == probe[3]) mode = m;
    const uint8_t agreed[] = {1, 0, mode->format, mode->frame, D(INTERVAL), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        D(LARGEST), D(PACKET)};
    memcpy(probe, agreed, sizeof agreed);
}

static void control(const struct header *asked) {
    const uint8_t *setup = asked->submit.setup, *data = NULL;
    size_t length = 0, wanted = setup[6] | setup[7] << 8;
    uint8_t text[64] = {0, 3};
    static const uint8_t nothing[2];
    static uint8_t sent[65536];
    if (!asked->in) get(sent, wanted);
    switch (setup[0] << 8 | setup[1]) {
    case 0x8000: case 0x8100: case 0x8200: /* GET_STATUS: nothing to tell */
        data = nothing, length = sizeof nothing;
        break;
    case 0x8006: /* GET_DESCRIPTOR */
        if (setup[3] == 1) data = device, length = sizeof device;
        if (setup[3] == 2) data = config, length = sizeof config;
        if (setup[3] == 3 && setup[2] <= 2) {
            const char *from = setup[2] ? strings[setup[2] - 1] : "\x09"; /* string 0: US English, 0x409 */
            for (text[0] = 2; *from; from++, text[0] += 2) text[text[0]] = *from;
            if (!setup[2]) text[3] = 4;
            data = text, length = text[0];
        }
        break;
    case 0x0009: case 0x010b: case 0x0201: /* SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE */
        left = requests = 0;
        length = wanted, data = sent;
        break;
    case 0x2101: /* SET_CUR of the stream: PROBE or COMMIT */
        if (wanted <= sizeof probe) memcpy(probe, sent, wanted);
        negotiate();
        length = wanted, data = sent;
        break;
    case 0xa181: case 0xa182: case 0xa183: case 0xa187: /* GET_CUR, GET_MIN, GET_MAX, GET_DEF */
        if (setup[4] == 1) negotiate(), data = probe, length = sizeof probe;
        break;
    }
    if (data) done(asked, 0, data, length < wanted ? length : wanted);
    else done(asked, -EPIPE, data, 0);
}

/* Start of the next picture: a JPEG's start marker, or H.264's access unit delimiter. */
static const uint8_t *start_of(int format, const uint8_t *from, const uint8_t *end) {
    return format == 1 ? memmem(from, end - from, "\xff\xd8\xff", 3) : memmem(from, end - from, "\0\0\0\1\x09", 5);
}

/* Takes the file's next picture. A coded one ends where the next one starts. */
static void next_picture(void) {
    const uint8_t *from = mode->bytes + mode->at, *end = mode->bytes + mode->length;
    const uint8_t *next = from + mode->width * mode->height * 2;
    if (mode->format != 2) next = start_of(mode->format, from + 1, end);
    picture = from;
    left = (next ? next : end) - from;
    mode->at = next && next < end ? next - mode->bytes : 0;
    toggle ^= 1;
}

/* Answers the oldest request with a part of the picture. Every packet has UVC's header. */
static void send_packets(void) {
    static uint8_t data[64 * PACKET];
    struct request *r = waiting;
    size_t filled = 0, count = ntohl(r->header.submit.packets);
    for (size_t i = 0; i < count; i++) {
        size_t room = ntohl(r->packets[i].length) - 2, part = left < room ? left : room, length = part ? part + 2 : 0;
        left -= part;
        if (length) data[filled] = 2, data[filled + 1] = 0x80 | (left ? 0 : 2) | toggle;
        memcpy(data + filled + 2, picture, part);
        picture += part, filled += length;
        r->packets[i].actual = htonl(length), r->packets[i].status = 0;
    }
    done(&r->header, 0, data, filled);
    put(r->packets, count * sizeof *r->packets);
    memmove(waiting, waiting + 1, --requests * sizeof *waiting);
}

static void unlink_request(const struct header *asked) {
    struct header answer = {.command = htonl(4), .seq = asked->seq};
    for (size_t i = 0; i < requests; i++)
        if (waiting[i].header.seq == asked->unlinked) {
            answer.status = htonl(-ECONNRESET);
            memmove(waiting + i, waiting + i + 1, (--requests - i) * sizeof *waiting);
        }
    put(&answer, sizeof answer);
}

static void serve(void) {
    struct header asked;
    get(&asked, sizeof asked);
    if (ntohl(asked.command) == UNLINK) return unlink_request(&asked);
    if (ntohl(asked.endpoint) != ENDPOINT) return control(&asked);
    size_t packets = ntohl(asked.submit.packets);
    if (requests == 16 || packets > 64) errx(1, "too many or too large requests");
    waiting[requests].header = asked;
    get(waiting[requests++].packets, packets * sizeof(struct packet));
}

static long long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
    if (argc != 2 || chdir(argv[1])) errx(64, "usage: webcam FOLDER");
    for (struct mode *m = modes; m < modes + MODES; m++) {
        FILE *file = fopen(m->file, "r");
        if (!file || fseek(file, 0, SEEK_END)) err(1, "%s", m->file);
        m->length = ftell(file), rewind(file);
        if (!(m->bytes = malloc(m->length)) || fread(m->bytes, 1, m->length, file) != m->length) err(1, "%s", m->file);
        fclose(file);
    }
    int ends[2];
    FILE *attach = fopen("/sys/devices/platform/vhci_hcd.0/attach", "w");
    if (!attach || socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) err(1, "no vhci_hcd");
    /* Port 0, device 1, high speed. */
    if (fprintf(attach, "0 %d 1 3", ends[0]) < 0 || fclose(attach)) err(1, "not plugged in");
    close(ends[0]);
    cable = ends[1];
    for (long long due = now_ms();;) {
        long long wait = due - now_ms();
        struct pollfd readable = {cable, POLLIN, 0};
        if (poll(&readable, 1, requests ? (wait > 0 ? (int)wait : 0) : -1) > 0) serve();
        else if (requests) {
            if (!left) next_picture();
            send_packets();
            if (!left) due = now_ms() + 1000 / FPS;
        }
    }
}
