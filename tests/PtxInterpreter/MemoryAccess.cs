using System.Numerics;
using System.Runtime.CompilerServices;

namespace Faith.PtxInterpreter;

/// <summary>Loads and stores, lane by lane, with bounds, alignment and races checked.</summary>
public static unsafe class MemoryAccess
{
    /// <summary>Loads from the parameter block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadParameter(Instruction i, Warp w)
    {
        var addresses = (ulong*)(w.Registers + i.A);
        var bytes = i.Size * i.Values.Length;
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            var address = addresses[lane] + (ulong)(long)i.Offset;
            if (address + (ulong)bytes > (ulong)w.Block.Parameters.Length || address % (ulong)bytes != 0)
                throw w.Failure(i, $"parameter offset {address} is out of bounds or not aligned to {bytes} bytes");
            fixed (byte* p = &w.Block.Parameters[address])
                LoadLane(i, w, lane, p);
        }
    }

    /// <summary>Loads from global memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadGlobal(Instruction i, Warp w)
    {
        var addresses = (ulong*)(w.Registers + i.A);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            var data = Global(i, w, lane, addresses[lane]);
            if (w.Accesses?.Read(w.Block.FirstNumber, w.Mark(lane), (ulong)data, i.Size * i.Values.Length) is { } race)
                throw w.Failure(i, race);
            LoadLane(i, w, lane, data);
        }
    }

    /// <summary>Stores to global memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreGlobal(Instruction i, Warp w)
    {
        var addresses = (ulong*)(w.Registers + i.A);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            var data = Global(i, w, lane, addresses[lane]);
            if (w.Accesses?.Write(w.Block.FirstNumber, w.Mark(lane), (ulong)data, i.Size * i.Values.Length) is { } race)
                throw w.Failure(i, race);
            StoreLane(i, w, lane, data);
        }
    }

    /// <summary>Loads from shared memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadShared(Instruction i, Warp w)
    {
        var addresses = (ulong*)(w.Registers + i.A);
        var bytes = i.Size * i.Values.Length;
        var shared = w.Block.Shared;
        var before = ulong.MaxValue;
        byte* data = null;
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            var address = addresses[lane] + (ulong)(long)i.Offset;
            // Neighbouring lanes often read the same words: those are checked in full once.
            var problem = address == before ? shared.ReadAgain(address, bytes, w.FirstThread + lane)
                : shared.Read(address, bytes, w.FirstThread + lane, out data);
            if (problem is not null)
                throw w.Failure(i, problem);
            before = address;
            LoadLane(i, w, lane, data);
        }
    }

    /// <summary>Stores to shared memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreShared(Instruction i, Warp w)
    {
        var addresses = (ulong*)(w.Registers + i.A);
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            if (w.Block.Shared.Write(addresses[lane] + (ulong)(long)i.Offset, i.Size * i.Values.Length, w.FirstThread + lane,
                out var data) is { } problem)
                throw w.Failure(i, problem);
            StoreLane(i, w, lane, data);
        }
    }

    /// <summary>Loads from a thread's own memory.</summary>
    public static void LoadLocal(Instruction i, Warp w)
    {
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            LoadLane(i, w, lane, Local(i, w, lane));
        }
    }

    /// <summary>Stores to a thread's own memory.</summary>
    public static void StoreLocal(Instruction i, Warp w)
    {
        for (var active = w.Mask; active != 0; active &= active - 1)
        {
            var lane = BitOperations.TrailingZeroCount(active);
            StoreLane(i, w, lane, Local(i, w, lane));
        }
    }

    private static byte* Local(Instruction i, Warp w, int lane)
    {
        var address = ((ulong*)(w.Registers + i.A))[lane] + (ulong)(long)i.Offset;
        var bytes = (ulong)(i.Size * i.Values.Length);
        if (address % bytes != 0)
            throw w.Failure(i, $"thread {w.FirstThread + lane}: local address {address:x} is not aligned to {bytes} bytes");
        foreach (var variable in w.Block.Kernel.Local)
            if (address >= (ulong)variable.Offset && address + bytes <= (ulong)(variable.Offset + variable.Size))
                return w.Local + (ulong)lane * (ulong)w.Block.Kernel.LocalBytes + address;
        throw w.Failure(i, $"thread {w.FirstThread + lane}: local address {address:x} is in no variable");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Global(Instruction i, Warp w, int lane, ulong address)
    {
        address += (ulong)(long)i.Offset;
        var bytes = (ulong)(i.Size * i.Values.Length);
        if ((address & bytes - 1) != 0)
            throw w.Failure(i, $"thread {w.FirstThread + lane}: global address {address:x} is not aligned to {bytes} bytes");
        // Nearly all accesses hit the allocation of the one before.
        if (address < w.AllocationStart || address + bytes > w.AllocationEnd)
        {
            if (!w.Block.Memory.Find(address, bytes, out var start, out var end, out var accesses))
                throw w.Failure(i, $"thread {w.FirstThread + lane}: global address {address:x} is in no allocation ({bytes} bytes)");
            (w.AllocationStart, w.AllocationEnd, w.Accesses) = (start, end, accesses);
        }
        return (byte*)address;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadLane(Instruction i, Warp w, int lane, byte* from)
    {
        var values = i.Values;
        for (var n = 0; n < values.Length; n++)
        {
            var register = w.Registers + values[n];
            if (i.Size == 4 && !i.Wide)
                ((uint*)register)[lane] = ((uint*)from)[n];
            else
            {
                var value = i.Size switch { 8 => ((ulong*)from)[n], 4 => i.Signed ? (ulong)((int*)from)[n] : ((uint*)from)[n],
                    2 => ((ushort*)from)[n], _ => from[n] };
                if (i.Wide)
                    ((ulong*)register)[lane] = value;
                else
                    ((uint*)register)[lane] = (uint)value;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLane(Instruction i, Warp w, int lane, byte* to)
    {
        var values = i.Values;
        for (var n = 0; n < values.Length; n++)
        {
            var register = w.Registers + values[n];
            var value = i.Wide ? ((ulong*)register)[lane] : ((uint*)register)[lane];
            switch (i.Size)
            {
                case 4: ((uint*)to)[n] = (uint)value; break;
                case 8: ((ulong*)to)[n] = value; break;
                case 2: ((ushort*)to)[n] = (ushort)value; break;
                default: to[n] = (byte)value; break;
            }
        }
    }
}
