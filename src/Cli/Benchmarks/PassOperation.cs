using Faith.Engine.Planning;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>One operation of the passes with its operands in place, ready to be timed.</summary>
/// <param name="Name">The operation of <see cref="Device"/>, and what it works on where there are several.</param>
/// <param name="Bytes">What it reads and writes, every operand counted once.</param>
/// <param name="Flops">2 a multiply-add of matrix products and attention (<see cref="FloorCount"/>); 0 for the others, which are bound by memory.</param>
/// <param name="Run">Issues it once; may be repeated without end.</param>
internal sealed record PassOperation(string Name, double Bytes, double Flops, Action Run);
