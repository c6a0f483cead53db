/* A qemu plugin that counts the guest's instructions, in total and by function (if the binary has
 * symbols), and prints them at the end. Debian ships no such plugin with qemu-user, and no header:
 * the parts of the interface (version 1) that this one uses are declared below. Counts are not
 * exact if the guest runs several threads at once.
 *
 *   gcc -O2 -shared -fPIC -o libcount.so count.c
 *   qemu-aarch64 -d plugin -plugin ./libcount.so[,top=20] PROGRAM */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int op, void *ptr, uint64_t imm);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*)(uint64_t, void *), void *);
void qemu_plugin_outs(const char *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { ADD_U64 = 0, FUNCTIONS = 1 << 16 };
static struct function { const char *name; uint64_t count; } functions[FUNCTIONS];
static size_t used = 1; /* 0: code without a symbol */
static int top;

static size_t function(const char *name)
{
    if (!name)
        return 0;
    for (size_t i = 1; i < used; i++)
        if (!strcmp(functions[i].name, name))
            return i;
    if (used == FUNCTIONS)
        return 0;
    functions[used].name = strdup(name);
    return used++;
}

/* qemu calls this for each block of code that it translates, under its own lock. */
static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t n = qemu_plugin_tb_n_insns(tb);
    const char *name = top ? qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(tb, 0)) : NULL;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &functions[function(name)].count, n);
}

static int more(const void *a, const void *b)
{
    uint64_t x = ((const struct function *)a)->count, y = ((const struct function *)b)->count;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void finished(uint64_t id, void *unused)
{
    (void)id, (void)unused;
    char line[512];
    uint64_t all = 0;
    functions[0].name = "(no symbol)";
    qsort(functions, used, sizeof functions[0], more);
    for (size_t i = 0; i < used; i++)
        all += functions[i].count;
    snprintf(line, sizeof line, "instructions: %" PRIu64 "\n", all);
    qemu_plugin_outs(line);
    for (size_t i = 0; i < used && i < (size_t)top; i++) {
        snprintf(line, sizeof line, "  %14" PRIu64 " %.200s\n", functions[i].count, functions[i].name);
        qemu_plugin_outs(line);
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "top=", 4))
            top = atoi(argv[i] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
