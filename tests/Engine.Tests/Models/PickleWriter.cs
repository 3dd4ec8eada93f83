using System.Buffers.Binary;
using System.Text;

namespace Faith.Engine.Tests.Models;

/// <summary>A class or function to be named.</summary>
internal sealed record Named(string Module, string Name);

/// <summary>A call to be written: of a class or function with arguments.</summary>
internal sealed record Called(Named Callee, params object?[] Arguments);

/// <summary>An OrderedDict, with the attributes that a state dictionary of a module has.</summary>
internal sealed record Ordered(IReadOnlyList<(string Key, object? Value)> Items, Dictionary<string, object?>? Attributes = null);

/// <summary>A storage to be referred to.</summary>
internal sealed record StorageData(string Key, string Class, long Count);

/// <summary>A view of a storage.</summary>
internal sealed record View(StorageData Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>Writes pickles of protocol 2 with the instructions of Python's pickler: object?[] is a tuple, List a list, Dictionary a dictionary.</summary>
internal sealed class PickleWriter
{
    private readonly MemoryStream bytes = new();
    private readonly Dictionary<object, int> memo = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Named, int> globals = [];
    private int memoized;

    public static byte[] Write(object? root)
    {
        var writer = new PickleWriter();
        writer.bytes.Write([0x80, 2]);
        writer.Save(root);
        writer.bytes.WriteByte((byte)'.');
        return writer.bytes.ToArray();
    }

    private void Save(object? value)
    {
        if (value is string or List<object?> && memo.TryGetValue(value, out var at))
        {
            Get(at);
            return;
        }
        switch (value)
        {
            case null: Code('N'); break;
            case bool flag: bytes.WriteByte(flag ? (byte)0x88 : (byte)0x89); break;
            case int number: Integer(number); break;
            case long number: Integer(number); break;
            case double number:
                Code('G');
                bytes.Write(Big(BitConverter.DoubleToInt64Bits(number)));
                break;
            case string text:
                var utf8 = Encoding.UTF8.GetBytes(text);
                Code('X');
                bytes.Write(Little(utf8.Length).AsSpan(0, 4));
                bytes.Write(utf8);
                Put(text);
                break;
            case object?[] tuple: Tuple(tuple); break;
            case List<object?> list:
                Code(']');
                Put(list);
                Batch(list, 'a', 'e', Save);
                break;
            case Dictionary<string, object?> dictionary:
                Code('}');
                Put(dictionary);
                Items([.. dictionary.Select(pair => (pair.Key, pair.Value))]);
                break;
            case Ordered ordered:
                EmptyOrdered();
                Items(ordered.Items);
                if (ordered.Attributes is null) break;
                Save(ordered.Attributes);
                Code('b');
                break;
            case Named named: Global(named); break;
            case Called called:
                Global(called.Callee);
                Tuple(called.Arguments);
                Code('R');
                Put(called);
                break;
            case View view:
                Save(new Called(new("torch._utils", "_rebuild_tensor_v2"), view.Storage, view.Offset, Boxed(view.Shape), Boxed(view.Strides), false, new Ordered([])));
                break;
            case StorageData storage:
                Tuple(["storage", new Named("torch", storage.Class), storage.Key, "cpu", storage.Count]);
                Code('Q');
                break;
            default: throw new ArgumentException($"{value.GetType()}", nameof(value));
        }
    }

    private static object?[] Boxed(long[] values) => [.. values.Cast<object?>()];

    private void EmptyOrdered()
    {
        Global(new("collections", "OrderedDict"));
        Code(')');
        Code('R');
        Put(new object());
    }

    private void Tuple(object?[] items)
    {
        if (items.Length == 0)
        {
            Code(')');
            return;
        }
        if (items.Length > 3) Code('(');
        foreach (var item in items) Save(item);
        bytes.WriteByte(items.Length > 3 ? (byte)'t' : (byte)(0x84 + items.Length));
        Put(items);
    }

    private void Items(IReadOnlyList<(string Key, object? Value)> items) => Batch(items, 's', 'u', item =>
    {
        Save(item.Key);
        Save(item.Value);
    });

    private void Batch<T>(IReadOnlyList<T> items, char one, char many, Action<T> save)
    {
        foreach (var batch in items.Chunk(1000))
        {
            if (batch.Length > 1) Code('(');
            foreach (var item in batch) save(item);
            Code(batch.Length > 1 ? many : one);
        }
    }

    private void Global(Named named)
    {
        if (globals.TryGetValue(named, out var at))
        {
            Get(at);
            return;
        }
        Code('c');
        bytes.Write(Encoding.UTF8.GetBytes($"{named.Module}\n{named.Name}\n"));
        globals[named] = memoized;
        Put(named);
    }

    private void Integer(long value)
    {
        switch (value)
        {
            case >= 0 and < 256: bytes.Write([(byte)'K', (byte)value]); break;
            case >= 0 and < 65536: bytes.Write([(byte)'M', .. Little(value)[..2]]); break;
            case >= int.MinValue and <= int.MaxValue: bytes.Write([(byte)'J', .. Little(value)[..4]]); break;
            default:
                var little = Little(value);
                var length = 8;
                while (length > 1 && little[length - 1] == (value < 0 ? 0xFF : 0) && (little[length - 2] & 0x80) == (value < 0 ? 0x80 : 0)) length--;
                bytes.Write([0x8a, (byte)length, .. little[..length]]);
                break;
        }
    }

    private void Put(object value)
    {
        memo[value] = memoized;
        if (memoized < 256) bytes.Write([(byte)'q', (byte)memoized]);
        else bytes.Write([(byte)'r', .. Little(memoized)[..4]]);
        memoized++;
    }

    private void Get(int at)
    {
        if (at < 256) bytes.Write([(byte)'h', (byte)at]);
        else bytes.Write([(byte)'j', .. Little(at)[..4]]);
    }

    private void Code(char code) => bytes.WriteByte((byte)code);

    private static byte[] Little(long value)
    {
        var result = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(result, value);
        return result;
    }

    private static byte[] Big(long value)
    {
        var result = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(result, value);
        return result;
    }
}
