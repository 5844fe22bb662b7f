// The lab's guest: dirties memory at a chosen rate, checks its own pages and tells the serial port
// that it lives.
//
// Command line (MiB, MiB/s and ms): ws=WORKING_SET rate=DIRTIED fill=FILLED_ONCE beat=PERIOD
//   "ready ws=W rate=R fill=F beat=B"        once, when all pages are filled
//   "beat N ms=T wrote=MIB bad=PAGES"        every PERIOD ms of the guest's own time
//   "BAD page=P want=W got=G"                a page that lost a write (first ones only)
//
// The working set is swept in order. A page written in sweep s holds (page, s) in its first and
// last word, so at each visit the page's former sweep is known without any table, and a lost write
// shows.
#include <stdint.h>

#define MIB           (1024u * 1024u)
#define PAGE          4096u
#define FIRST_BYTE    (4u * MIB) // the program itself lies at 1 MiB
#define PM_TIMER_PORT 0x608      // where SeaBIOS puts the ACPI timer of both "pc" and "q35"
#define PM_TIMER_MASK 0x00ffffffu
#define PM_TICKS_MS   3580u // 3.579545 MHz
#define TICK_HZ       100u
#define CR0_WP        (1u << 16)

struct multiboot_info {
    uint32_t flags, mem_lower_kib, mem_upper_kib, boot_device, cmdline;
};

struct settings {
    uint32_t ws_mib, rate_mib_s, fill_mib, beat_ms;
};

struct idt_entry {
    uint16_t offset_low, selector, type, offset_high;
};

void guest_main(const struct multiboot_info *info);
extern void timer_interrupt(void), bad_interrupt(void);

static struct idt_entry idt[48];

static inline void
out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t
in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t
in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

// ---- serial port ----

static void
put_char(char c)
{
    while (!(in8(0x3fd) & 0x20)) {
    }
    out8(0x3f8, (uint8_t)c);
}

static void
put_text(const char *text)
{
    for (; *text; text++)
        put_char(*text);
}

static void
put_number(uint32_t value)
{
    char digits[11];
    int at = 10;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put_text(digits + at);
}

static void
put_field(const char *name, uint32_t value)
{
    put_text(name);
    put_number(value);
}

// ---- command line ----

// Value of "key=" in the command line; each key is preceded by a blank, as the kernel's path comes
// first.
static uint32_t
option(const char *line, const char *key, uint32_t otherwise)
{
    for (; *line; line++) {
        const char *l = line, *k = key;
        if (*l++ != ' ')
            continue;
        while (*k && *l == *k)
            l++, k++;
        if (*k || *l++ != '=')
            continue;
        uint32_t value = 0;
        for (; *l >= '0' && *l <= '9'; l++)
            value = value * 10 + (uint32_t)(*l - '0');
        return value;
    }
    return otherwise;
}

// ---- time ----

static uint32_t pm_last;
static uint32_t pm_rest;
static uint32_t now_ms;

// To be called more often than the timer wraps (4.7 s of guest time; a paused guest's timer stands
// still).
static void
clock_update(void)
{
    const uint32_t pm = in32(PM_TIMER_PORT) & PM_TIMER_MASK;
    pm_rest += (pm - pm_last) & PM_TIMER_MASK;
    pm_last = pm;
    now_ms += pm_rest / PM_TICKS_MS;
    pm_rest %= PM_TICKS_MS;
}

static void
interrupts_start(void)
{
    for (unsigned i = 0; i < sizeof idt / sizeof idt[0]; i++) {
        const uint32_t handler = (uint32_t)(i == 32 ? timer_interrupt : bad_interrupt);
        idt[i] = (struct idt_entry){ (uint16_t)handler, 0x08, 0x8e00, (uint16_t)(handler >> 16) };
    }
    const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = { sizeof idt - 1, (uint32_t)idt };
    __asm__ volatile("lidt %0" : : "m"(pointer));

    static const uint8_t pic[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x20 },
                                      { 0xa1, 0x28 }, { 0x21, 0x04 }, { 0xa1, 0x02 },
                                      { 0x21, 0x01 }, { 0xa1, 0x01 }, { 0x21, 0xfe },
                                      { 0xa1, 0xff } };
    for (unsigned i = 0; i < sizeof pic / sizeof pic[0]; i++)
        out8(pic[i][0], pic[i][1]);

    const uint32_t divisor = 1193182 / TICK_HZ;
    out8(0x43, 0x34);
    out8(0x40, (uint8_t)divisor);
    out8(0x40, (uint8_t)(divisor >> 8));
}

// QEMU 7.2's TCG loses writes through stale TLB entries while it migrates over a slow link; a
// change of CR0.WP flushes the TLB.
static void
tlb_flush(void)
{
    uint32_t cr0;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 ^ CR0_WP) : "memory");
}

// ---- memory ----

static uint32_t bad_pages;

static uint32_t
mix(uint32_t value)
{
    value ^= value >> 16;
    value *= 0x7feb352du;
    value ^= value >> 15;
    value *= 0x846ca68bu;
    return value ^ (value >> 16);
}

static volatile uint32_t *
page_at(uint32_t page)
{
    return (volatile uint32_t *)(FIRST_BYTE + page * PAGE);
}

static void
check_page(uint32_t page, uint32_t sweep)
{
    volatile uint32_t *words = page_at(page);
    const uint32_t want = mix(page) ^ sweep;
    const uint32_t first = words[0], last = words[PAGE / 4 - 1];
    if (first == want && last == want)
        return;
    if (bad_pages++ < 10) {
        put_field("BAD page=", page);
        put_field(" want=", want);
        put_field(" got=", first != want ? first : last);
        put_char('\n');
    }
}

static void
write_page(uint32_t page, uint32_t sweep)
{
    volatile uint32_t *words = page_at(page);
    const uint32_t word = mix(page) ^ sweep;
    words[0] = word;
    words[PAGE / 4 - 1] = word;
}

static void
fill_page(uint32_t page)
{
    volatile uint32_t *words = page_at(page);
    for (uint32_t i = 0; i < PAGE / 4; i++)
        words[i] = mix(page * 1024 + i + 1);
    write_page(page, 0);
}

void
guest_main(const struct multiboot_info *info)
{
    const char *line = (const char *)info->cmdline;
    struct settings s = { option(line, "ws", 16), option(line, "rate", 4), option(line, "fill", 0),
                          option(line, "beat", 100) };
    // the last MiB is left to firmware tables
    const uint32_t room_mib = info->mem_upper_kib / 1024 > 4 ? info->mem_upper_kib / 1024 - 4 : 0;
    if (s.ws_mib > room_mib)
        s.ws_mib = room_mib;
    if (s.fill_mib > room_mib - s.ws_mib)
        s.fill_mib = room_mib - s.ws_mib;
    const uint32_t ws_pages = s.ws_mib * (MIB / PAGE), fill_pages = s.fill_mib * (MIB / PAGE);

    for (uint32_t page = 0; page < ws_pages + fill_pages; page++)
        fill_page(page);
    put_field("ready ws=", s.ws_mib);
    put_field(" rate=", s.rate_mib_s);
    put_field(" fill=", s.fill_mib);
    put_field(" beat=", s.beat_ms);
    put_char('\n');

    uint32_t cursor = 0, sweep = 1, fill_cursor = 0;
    uint32_t beat = 0, next_beat_ms = 0, written_pages = 0, done_ms = 0;
    interrupts_start();
    pm_last = in32(PM_TIMER_PORT) & PM_TIMER_MASK;
    for (;;) {
        __asm__ volatile("sti; hlt; cli" : : : "memory");
        clock_update();
        tlb_flush();
        uint32_t passed_ms = now_ms - done_ms;
        done_ms = now_ms;
        if (passed_ms > 50) // never one long burst after a delay
            passed_ms = 50;
        for (uint32_t n = ws_pages ? s.rate_mib_s * passed_ms * (MIB / PAGE) / 1000 : 0; n > 0;
             n--) {
            check_page(cursor, sweep - 1);
            write_page(cursor, sweep);
            written_pages++;
            if (++cursor == ws_pages)
                cursor = 0, sweep++;
        }
        for (uint32_t n = fill_pages ? 64 : 0; n > 0; n--) { // the rest is looked through slowly
            check_page(ws_pages + fill_cursor, 0);
            fill_cursor = (fill_cursor + 1) % fill_pages;
        }
        if (now_ms >= next_beat_ms) {
            next_beat_ms = now_ms + s.beat_ms;
            put_field("beat ", ++beat);
            put_field(" ms=", now_ms);
            put_field(" wrote=", written_pages / (MIB / PAGE));
            put_field(" bad=", bad_pages);
            put_char('\n');
        }
    }
}
