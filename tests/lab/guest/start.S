/* Multiboot header, entry, the one interrupt and the descriptor tables of the lab's guest. */
#define MAGIC 0x1BADB002
#define FLAGS 0x00000003 /* page aligned, memory size wanted */

	.section .multiboot, "a"
	.align 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.global _start
_start:
	cli
	movl $stack_top, %esp
	lgdt gdt_pointer
	ljmp $0x08, $1f
1:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	pushl %ebx /* multiboot information */
	call guest_main
2:	hlt
	jmp 2b

	.global timer_interrupt
timer_interrupt:
	pushl %eax
	movb $0x20, %al
	outb %al, $0x20
	popl %eax
	iret

	.global bad_interrupt
bad_interrupt:
	cli
	hlt
	jmp bad_interrupt

	.section .data
	.align 8
gdt:
	.quad 0
	.quad 0x00cf9a000000ffff
	.quad 0x00cf92000000ffff
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long gdt

	.section .bss
	.align 16
	.skip 8192
stack_top:

	.section .note.GNU-stack, "", @progbits
