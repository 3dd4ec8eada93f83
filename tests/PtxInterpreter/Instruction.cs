namespace Faith.PtxInterpreter;

/// <summary>Runs one instruction for the active lanes of a warp.</summary>
public delegate void Execute(Instruction instruction, Warp warp);

/// <summary>What the scheduler of a warp does at an instruction.</summary>
public enum Flow : byte
{
    /// <summary>Runs it and goes on.</summary>
    Next,
    /// <summary>Splits the lanes into those that jump and those that do not.</summary>
    Branch,
    /// <summary>Ends the lanes.</summary>
    Exit,
    /// <summary>Waits for all threads of the block.</summary>
    Barrier,
    /// <summary>Waits for all lanes of the warp and then runs it: a shuffle, or a product of matrices.</summary>
    Shuffle,
}

/// <summary>
/// One decoded instruction. Operands are byte offsets into a warp's register file, where a 32-bit register holds 32 lanes in
/// 128 bytes and a 64-bit register in 256; constants have registers of their own. Predicates are numbered.
/// </summary>
public sealed class Instruction
{
    /// <summary>Line in the PTX file, from 1.</summary>
    public required int Line { get; init; }
    /// <summary>The line's text.</summary>
    public required string Text { get; init; }
    /// <summary>The operation; null for those that the scheduler handles alone.</summary>
    public Execute? Execute { get; set; }
    /// <summary>What the scheduler does.</summary>
    public Flow Flow { get; set; }
    /// <summary>Number of the guarding predicate, or −1.</summary>
    public int Guard { get; set; } = -1;
    /// <summary>True for @!%p.</summary>
    public bool GuardNegated { get; set; }
    /// <summary>Destination.</summary>
    public int D { get; set; }
    /// <summary>First source, or the address of a load or store.</summary>
    public int A { get; set; }
    /// <summary>Second source.</summary>
    public int B { get; set; }
    /// <summary>Third source.</summary>
    public int C { get; set; }
    /// <summary>Registers loaded or stored; of a product of matrices those of D, A, B and C.</summary>
    public int[] Values { get; set; } = [];
    /// <summary>Bytes of one value loaded or stored.</summary>
    public int Size { get; set; }
    /// <summary>True when the registers loaded or stored have 64 bits, also where the value in memory has 32.</summary>
    public bool Wide { get; set; }
    /// <summary>True when a value is sign-extended on its way into a wider register.</summary>
    public bool Signed { get; set; }
    /// <summary>Constant added to an address, or offset in the parameter block.</summary>
    public int Offset { get; set; }
    /// <summary>Index of the instruction that a branch jumps to.</summary>
    public int Target { get; set; }
    /// <summary>The shift count of a shift by a constant, or −1.</summary>
    public int Shift { get; set; } = -1;
}

/// <summary>One kernel, ready to run.</summary>
public sealed class PtxKernel
{
    /// <summary>Name of the entry.</summary>
    public required string Name { get; init; }
    /// <summary>Size in bytes of each parameter, in order; each starts at a multiple of its alignment.</summary>
    public required IReadOnlyList<PtxParameter> Parameters { get; init; }
    /// <summary>Most threads of a block (.maxntid), or 0.</summary>
    public required int MaxThreads { get; init; }
    /// <summary>The instructions.</summary>
    public required Instruction[] Code { get; init; }
    /// <summary>Bytes of a warp's register file.</summary>
    public required int RegisterBytes { get; init; }
    /// <summary>Number of predicates.</summary>
    public required int Predicates { get; init; }
    /// <summary>Registers that hold one constant in every lane.</summary>
    public required IReadOnlyList<(int Offset, bool Wide, ulong Value)> Constants { get; init; }
    /// <summary>Registers that hold a special register such as %tid.x.</summary>
    public required IReadOnlyList<(int Offset, string Name)> Specials { get; init; }
    /// <summary>Shared variables.</summary>
    public required IReadOnlyList<SharedVariable> Shared { get; init; }
    /// <summary>Bytes of shared memory as laid out here, gaps between the variables included.</summary>
    public required int SharedBytes { get; init; }
    /// <summary>Variables that every thread has for itself.</summary>
    public required IReadOnlyList<SharedVariable> Local { get; init; }
    /// <summary>Bytes of them as laid out here, gaps between the variables included.</summary>
    public required int LocalBytes { get; init; }
    /// <summary>Shared memory whose size a launch gives, behind the variables; null where the kernel has none.</summary>
    public SharedVariable? DynamicShared { get; init; }
    /// <summary>Bytes of all parameters.</summary>
    public int ParameterBytes => Parameters.Count == 0 ? 0 : Parameters[^1].Offset + Parameters[^1].Size;
}

/// <summary>A kernel's parameter.</summary>
public readonly record struct PtxParameter(string Name, int Offset, int Size);

/// <summary>A variable in shared memory, or in that of a thread.</summary>
public readonly record struct SharedVariable(string Name, int Offset, int Size);

/// <summary>The PTX is not understood, or running it broke a rule; the message names the kernel and the line.</summary>
public sealed class PtxException(string message) : Exception(message);
