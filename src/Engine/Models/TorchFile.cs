using Faith.Engine.Files;
using Faith.Engine.Pickles;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Models;

/// <summary>
/// What torch.save has written since PyTorch 1.6 (.bin, .pt, .pth): a ZIP archive of a pickle that describes values, among them tensors, and of
/// the storages that the tensors are views of. The values are read as data: nothing in the file is executed.
/// </summary>
public sealed class TorchFile : TensorFile
{
    private const string RebuildTensor = "torch._utils._rebuild_tensor_v2", RebuildParameter = "torch._utils._rebuild_parameter";
    private const int MostDimensions = 64;

    /// <summary>What a checkpoint may hold the tensors of its model under.</summary>
    private static readonly string[] Holders = ["state_dict", "model_state_dict", "model", "module"];

    /// <summary>Types of storages, and what safetensors calls their elements.</summary>
    private static readonly Dictionary<string, string> Storages = new(StringComparer.Ordinal)
    {
        ["torch.FloatStorage"] = "F32", ["torch.HalfStorage"] = "F16", ["torch.BFloat16Storage"] = "BF16", ["torch.DoubleStorage"] = "F64",
        ["torch.LongStorage"] = "I64", ["torch.IntStorage"] = "I32", ["torch.ShortStorage"] = "I16", ["torch.CharStorage"] = "I8",
        ["torch.ByteStorage"] = "U8", ["torch.BoolStorage"] = "BOOL", ["torch.ComplexFloatStorage"] = "C64",
    };

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "collections.OrderedDict", RebuildTensor, RebuildParameter, "torch.Size", "torch.device",
        "torch.float32", "torch.float16", "torch.bfloat16", "torch.float64", "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
    };

    private readonly Dictionary<string, FileRange> places = new(StringComparer.Ordinal);
    private readonly TorchArchive archive;

    private TorchFile(string path, SafeFileHandle handle, Func<string, bool>? isKnown) : base(path, handle)
    {
        Span<byte> head = stackalloc byte[(int)Math.Min(Length, ForeignFile.HeadBytes)];
        ReadBytes(0, head);
        if (!head.StartsWith("PK"u8))
        {
            throw new InputException(head is [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, ..]
                ? $"{path}: is a PyTorch file of the old form, before 1.6, which is not read; load it in Python and save it anew: torch.save(torch.load(path), path)"
                : $"{path}: {ForeignFile.What(head, FileUse.Model) ?? "is not a file that torch.save writes (a ZIP archive)"}");
        }
        try
        {
            archive = new(path, handle);
            Root = PickleReader.Read(archive.ReadPickle(), $"{path}: data.pkl", name => Known.Contains(name) || Storages.ContainsKey(name) || isKnown?.Invoke(name) == true,
                "save what holds only tensors, numbers, strings, lists and dictionaries, as torch.save(model.state_dict(), path) does");
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ArgumentException or OverflowException)
        {
            throw Damaged(e);
        }
    }

    /// <summary>What was saved, as <see cref="PickleReader"/> gives it.</summary>
    public object? Root { get; }

    /// <summary>Opens a file of any values.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isKnown">Further classes (module.name) that may be named.</param>
    /// <exception cref="InputException">It cannot be read, is damaged, or holds what is no data.</exception>
    public static TorchFile Open(string path, Func<string, bool>? isKnown = null) => Open(path, handle => new TorchFile(path, handle, isKnown));

    /// <summary>Opens a file of a model's tensors by name; they may be held under "state_dict" and the like.</summary>
    /// <exception cref="InputException">It cannot be read, is damaged, or holds what is no data or no tensors by name.</exception>
    public static TorchFile OpenCheckpoint(string path) => Open(path, handle =>
    {
        var file = new TorchFile(path, handle, null);
        var tensors = new List<StoredTensor>();
        foreach (var (name, value) in file.StateDictionary().Named)
        {
            if (file.TryTensor(name, value) is { } tensor) tensors.Add(tensor);
        }
        file.Tensors = [.. tensors.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)];
        return file;
    });

    private PickleDictionary StateDictionary()
    {
        if (Root is PickleDictionary top)
        {
            if (HoldsTensors(top)) return top;
            PickleDictionary[] held = [.. Holders.Select(name => top[name]).OfType<PickleDictionary>().Where(HoldsTensors)];
            if (held.Length == 1) return held[0];
        }
        throw new InputException($"{Path}: holds no tensors by name; a model's are saved by torch.save(model.state_dict(), path)");

        static bool HoldsTensors(PickleDictionary dictionary) => dictionary.Named.Values.Any(IsTensor);
    }

    private static bool IsTensor(object? value) => value is PickleObject { Callee: RebuildTensor or RebuildParameter };

    /// <summary>The tensor that a value of the file is, or null when it is none.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="value">A value out of <see cref="Root"/>.</param>
    /// <exception cref="InputException">It does not fit its storage, or the storage is not there.</exception>
    public StoredTensor? TryTensor(string name, object? value)
    {
        if (!IsTensor(value)) return null;
        var made = (PickleObject)value!;
        // A parameter is a tensor and whether it is trained.
        if (made.Callee == RebuildParameter) made = made.Arguments is [PickleObject { Callee: RebuildTensor } inner, ..] ? inner : throw Bad(name, "is malformed");
        if (made.Arguments is not [PickleReference { Id: object?[] id }, long first, object?[] size, object?[] strides, ..]
            || id is not ["storage", PickleGlobal storage, string key, _, long count, ..] || !Storages.TryGetValue(storage.Name, out var typeName))
        {
            throw Bad(name, "is malformed");
        }
        ElementTypes.TryFind(typeName, out var type, out var bits);
        var (shape, steps) = (Integers(name, size), Integers(name, strides));
        if (shape.Length != steps.Length) throw Bad(name, $"has {shape.Length} dimensions and {steps.Length} strides");
        var place = Place(key);
        if (count < 0 || (Int128)count * (bits / 8) > place.Length) throw Bad(name, $"is of a storage of {count} elements of {typeName}, which the {place.Length} bytes of it do not hold");
        Int128 elements = 1, last = first;
        for (var i = 0; i < shape.Length; i++)
        {
            elements *= shape[i];
            last += (Int128)Math.Max(0, shape[i] - 1) * steps[i];
            if (elements > long.MaxValue / 16 || last > long.MaxValue) throw Bad(name, $"has the shape {Wording.Shape(shape)}, which is too large");
        }
        if (first < 0 || (elements > 0 && last >= count)) throw Bad(name, $"of shape {Wording.Shape(shape)} leaves its storage of {count} elements");
        // Of no elements the place does not matter.
        var begin = elements == 0 ? 0 : place.Offset + first * (bits / 8);
        return new StoredTensor(this, new(name, type, typeName, shape, begin, begin + (long)elements * (bits / 8)), 0, StridedBytes.IsRowMajor(shape, steps) ? null : steps);
    }

    private FileRange Place(string key)
    {
        if (places.TryGetValue(key, out var place)) return place;
        try
        {
            return places[key] = archive.Storage(key);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ArgumentException or OverflowException)
        {
            throw Damaged(e);
        }
    }

    private long[] Integers(string name, object?[] values)
    {
        if (values.Length > MostDimensions) throw Bad(name, $"has {values.Length} dimensions");
        return Array.ConvertAll(values, value => value is long and >= 0 ? (long)value : throw Bad(name, "is malformed: its shape and strides must be whole numbers of at least 0"));
    }

    private InputException Bad(string name, string what) => new($"{Path}: tensor {PlainText.Name(name)} {what}");

    private InputException Damaged(Exception e) => new($"{Path}: is a damaged ZIP archive ({PlainText.Short(e.Message, 200)}); the file may be cut short", e);
}
