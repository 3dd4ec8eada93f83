using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Faith.PtxInterpreter;

/// <summary>
/// 32 threads that run one instruction at a time. Lanes that branch apart become groups; the group that is furthest back
/// runs first, so that lanes meet again where their paths do.
/// </summary>
public sealed unsafe class Warp : IDisposable
{
    /// <summary>Threads of a warp.</summary>
    public const int Lanes = 32;

    private readonly List<(int Pc, uint Mask, bool Waiting)> _others = [];
    private readonly byte* _masks;
    private uint _live;
    private int _pc, _firstOther;

    /// <summary>A warp of a block.</summary>
    public Warp(Block block, int firstThread)
    {
        ArgumentNullException.ThrowIfNull(block);
        Block = block;
        FirstThread = firstThread;
        var kernel = block.Kernel;
        Predicates = (uint*)NativeMemory.AlignedAlloc((nuint)Math.Max(4 * kernel.Predicates, 64), 64);
        Registers = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(kernel.RegisterBytes, 64), 64);
        _masks = (byte*)NativeMemory.AlignedAlloc(Lanes * (4 + 8), 64);
        Local = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(Lanes * kernel.LocalBytes, 64), 64);
        // Constants keep their value from block to block, since nothing writes to them.
        foreach (var (offset, wide, value) in kernel.Constants)
            if (wide)
                new Span<ulong>(Registers + offset, Lanes).Fill(value);
            else
                new Span<uint>(Registers + offset, Lanes).Fill((uint)value);
    }

    /// <summary>The block that the warp belongs to.</summary>
    public Block Block { get; }
    /// <summary>Number of lane 0 in its block.</summary>
    public int FirstThread { get; }
    /// <summary>The register file.</summary>
    public byte* Registers { get; }
    /// <summary>One bit a lane for every predicate.</summary>
    public uint* Predicates { get; }
    /// <summary>What the lanes have for themselves, one lane after another.</summary>
    public byte* Local { get; }
    /// <summary>The lanes that run the current instruction.</summary>
    public uint Mask { get; private set; }
    /// <summary>The allocation that was touched last.</summary>
    public ulong AllocationStart { get; set; }
    /// <summary>Its end.</summary>
    public ulong AllocationEnd { get; set; }
    /// <summary>Who touched what in it; null where that is not kept.</summary>
    public GlobalAccesses? Accesses { get; set; }
    /// <summary>Instructions run so far.</summary>
    public long Executed { get; private set; }
    /// <summary>True when every lane has left the kernel.</summary>
    public bool Finished => _live == 0;
    /// <summary>The barrier at which the warp waits.</summary>
    public Instruction? WaitingAt { get; private set; }

    /// <summary>Sets the bits of a predicate for the active lanes.</summary>
    public void SetPredicate(int index, uint bits) => Predicates[index] = Predicates[index] & ~Mask | bits & Mask;

    /// <summary>All bits set in the active ones of the lanes from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<T> LaneMask<T>(int first) where T : unmanaged =>
        Vector256.Load((T*)(_masks + (sizeof(T) == 8 ? 4 * Lanes : 0)) + first);

    /// <summary>The mark of a lane for <see cref="GlobalAccesses"/>.</summary>
    public ulong Mark(int lane) => GlobalAccesses.Mark(Block.Number, Block.Interval, FirstThread + lane);

    /// <summary>A failure at an instruction.</summary>
    public PtxException Failure(Instruction instruction, string what)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return new($"kernel {Block.Kernel.Name}, PTX line {instruction.Line} '{instruction.Text}': block {Block.Index}: {what}");
    }

    /// <summary>Starts the block anew.</summary>
    public void Start()
    {
        _others.Clear();
        (_live, _pc, _firstOther, WaitingAt) = (uint.MaxValue, 0, int.MaxValue, null);
        (AllocationStart, AllocationEnd) = (0, 0);
        SetMask(uint.MaxValue);
        (Predicates[0], Predicates[1]) = (uint.MaxValue, 0);
        // As in fresh global memory, what was not written is no number.
        new Span<byte>(Local, Lanes * Block.Kernel.LocalBytes).Fill(0xff);
        foreach (var (offset, name) in Block.Kernel.Specials)
            for (var lane = 0; lane < Lanes; lane++)
                ((uint*)(Registers + offset))[lane] = Block.Special(name, FirstThread + lane);
    }

    /// <summary>Runs until the warp waits at a barrier or is finished.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run()
    {
        var code = Block.Kernel.Code;
        if (WaitingAt is not null)
        {
            WaitingAt = null;
            _pc++;
        }
        while (true)
        {
            if (_pc >= _firstOther)
                Reschedule();
            var i = code[_pc];
            Executed++;
            var active = i.Guard < 0 ? Mask : Mask & (i.GuardNegated ? ~Predicates[i.Guard] : Predicates[i.Guard]);
            switch (i.Flow)
            {
                case Flow.Next:
                    if (active == Mask)
                        i.Execute!(i, this);
                    else if (active != 0)
                        ExecuteGuarded(i, active);
                    _pc++;
                    break;
                case Flow.Branch:
                    Branch(i, active);
                    break;
                case Flow.Exit:
                    _live &= ~active;
                    SetMask(Mask & ~active);
                    _pc++;
                    if (Mask == 0 && !SwitchToAnother(i))
                        return;
                    break;
                case Flow.Shuffle:
                    if (Mask == uint.MaxValue)
                    {
                        i.Execute!(i, this);
                        _pc++;
                    }
                    else
                        WaitForOthers(i);
                    break;
                default:
                    if (Mask == uint.MaxValue)
                    {
                        WaitingAt = i;
                        return;
                    }
                    WaitForOthers(i);
                    break;
            }
        }
    }

    private void ExecuteGuarded(Instruction i, uint active)
    {
        var mask = Mask;
        SetMask(active);
        i.Execute!(i, this);
        SetMask(mask);
    }

    private void Branch(Instruction i, uint taken)
    {
        if (taken == Mask)
            _pc = i.Target;
        else if (taken == 0)
            _pc++;
        else
        {
            Park(i.Target, taken, waiting: false);
            SetMask(Mask & ~taken);
            _pc++;
        }
    }

    // The current lanes stand at an instruction that needs all lanes of the warp.
    private void WaitForOthers(Instruction i)
    {
        Park(_pc, Mask, waiting: true);
        SetMask(0);
        SwitchToAnother(i);
    }

    private void Park(int pc, uint mask, bool waiting)
    {
        _others.Add((pc, mask, waiting));
        _firstOther = Math.Min(_firstOther, pc);
    }

    // Takes up the group furthest back that can run; false when no lane is left.
    private bool SwitchToAnother(Instruction at)
    {
        var next = -1;
        for (var n = 0; n < _others.Count; n++)
            if (!_others[n].Waiting && (next < 0 || _others[n].Pc < _others[next].Pc))
                next = n;
        if (next < 0)
        {
            if (_others.Count == 0)
                return false;
            var waiting = _others[0];
            throw Failure(Block.Kernel.Code[waiting.Pc],
                $"divergent: lanes {waiting.Mask:x8} of warp {FirstThread / Lanes} wait here for lanes that {(_others.Count > 1 ? $"wait at PTX line {Block.Kernel.Code[_others[1].Pc].Line}" : $"have left the kernel (last at PTX line {at.Line})")}");
        }
        Take(next);
        return true;
    }

    // Another group stands at or before the current instruction: join it, or let it catch up.
    private void Reschedule()
    {
        for (var n = _others.Count - 1; n >= 0; n--)
            if (_others[n].Pc == _pc)
            {
                SetMask(Mask | _others[n].Mask);
                _others.RemoveAt(n);
            }
        UpdateFirst();
        var behind = -1;
        for (var n = 0; n < _others.Count; n++)
            if (!_others[n].Waiting && _others[n].Pc < _pc && (behind < 0 || _others[n].Pc < _others[behind].Pc))
                behind = n;
        if (behind >= 0)
        {
            Park(_pc, Mask, waiting: false);
            Take(behind);
            Reschedule();
        }
    }

    private void Take(int index)
    {
        (_pc, var mask, _) = _others[index];
        _others.RemoveAt(index);
        SetMask(mask);
        UpdateFirst();
    }

    private void UpdateFirst() => _firstOther = _others.Count == 0 ? int.MaxValue : _others.Min(g => g.Pc);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SetMask(uint mask)
    {
        Mask = mask;
        for (var lane = 0; lane < Lanes; lane++)
        {
            var bits = -(long)(mask >> lane & 1);
            ((int*)_masks)[lane] = (int)bits;
            ((long*)(_masks + 4 * Lanes))[lane] = bits;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(Predicates);
        NativeMemory.AlignedFree(Registers);
        NativeMemory.AlignedFree(_masks);
        NativeMemory.AlignedFree(Local);
    }
}
