/* Ends by a breakpoint that nobody set. */
int main(void)
{
    __asm__ volatile("ebreak");
    return 0;
}
