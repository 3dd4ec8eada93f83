using System.IO.Compression;
using System.Runtime.InteropServices;
using Faith.Engine.Models;
using Faith.Engine.Pickles;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>Files of torch.save. Those in Models/Torch were written by PyTorch 1.13.</summary>
public sealed class TorchFileTests
{
    private static readonly float[] Six = [0, 1, 2, 3, 4, 5];

    private static string Real(string name) => Path.Combine(AppContext.BaseDirectory, "Models", "Torch", name);

    private static float[] Values(StoredTensor tensor)
    {
        var values = new float[tensor.Shape.Aggregate(1L, (a, b) => a * b)];
        tensor.Read(0, values);
        // Read in pieces it is the same.
        for (var i = 0; i < values.Length; i++)
        {
            var one = new float[1];
            tensor.Read(i, one);
            Assert.Equal(values[i], one[0]);
        }
        return values;
    }

    private static string Fault(string path)
    {
        var message = Assert.Throws<InputException>(() => TorchFile.OpenCheckpoint(path).Dispose()).Message;
        Assert.StartsWith(path + ": ", message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static string Fault(object? root, params byte[][] storages)
    {
        using var directory = new TemporaryDirectory();
        TorchWriter.Save(directory.File("bad.pth"), root, storages);
        return Fault(directory.File("bad.pth"));
    }

    private static string PickleFault(params byte[] pickle) =>
        Assert.Throws<InputException>(() => PickleReader.Read(pickle, "here", _ => true, "remedy")).Message;

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    public void What_PyTorch_writes_is_read(int protocol)
    {
        using var file = TorchFile.OpenCheckpoint(Real($"views.p{protocol}.pth"));
        var tensors = file.Tensors.ToDictionary(tensor => tensor.Name);
        Assert.Equal(Six, Values(tensors["a"]));
        Assert.Equal([2L, 3], tensors["a"].Shape);
        Assert.Equal(tensors["a"].Offset, tensors["tied"].Offset);
        Assert.Equal([0, 3, 1, 4, 2, 5], Values(tensors["transposed"]));
        Assert.Equal([3L, 2], tensors["transposed"].Shape);
        Assert.Equal([3, 4, 5], Values(tensors["row"]));
        Assert.Equal(Six, Values(tensors["half"]));
        Assert.Equal(ElementType.F16, tensors["half"].Type);
        Assert.Equal(Six, Values(tensors["bf16"]));
        Assert.Equal(ElementType.BF16, tensors["bf16"].Type);
        Assert.Equal([1, 4], Values(tensors["column"]));
        Assert.Equal([7, 7, 7, 7, 7, 7], Values(tensors["expanded"]));
        Assert.Equal([3], Values(tensors["scalar"]));
        Assert.Equal(("BOOL", "F64", "I64"), (tensors["mask"].TypeName, tensors["double"].TypeName, tensors["long"].TypeName));
        Assert.Empty(Values(tensors["empty"]));
        Assert.False(tensors.ContainsKey("version"));

        var root = Assert.IsType<PickleDictionary>(file.Root);
        Assert.Equal(3L, root["epoch"]);
        Assert.Equal(new PickleGlobal("torch.bfloat16"), root["type"]);
        Assert.Equal("torch.Size", Assert.IsType<PickleObject>(root["size"]).Callee);
        Assert.Equal([1L, 2.5, null, true, "x", -70000L, 1L << 40], ((List<object?>)root["list"]!).Take(7));
        if (protocol > 2) Assert.Equal("b"u8.ToArray(), ((List<object?>)root["list"]!)[7]);
        Assert.Equal([1L, 2L, 3L, 4L], (object?[])root["tuple"]!);
    }

    [Fact]
    public void The_writer_of_these_tests_writes_what_PyTorch_does()
    {
        using var archive = ZipFile.OpenRead(Real("linear.bin"));
        using var real = archive.GetEntry("linear/data.pkl")!.Open();
        var expected = new MemoryStream();
        real.CopyTo(expected);
        var (weight, bias) = (TensorData.F32("weight", [2, 3], Six), TensorData.F32("bias", [2], [0.5f, -2]));
        var version = new Ordered([("", new Dictionary<string, object?> { ["version"] = 1 })]);
        Assert.Equal(expected.ToArray(), PickleWriter.Write(new Ordered(
            [("weight", TorchWriter.ViewOf(weight, 0)), ("bias", TorchWriter.ViewOf(bias, 1))], new() { ["_metadata"] = version })));
    }

    [Theory]
    [InlineData("F32", 1)]
    [InlineData("F32", 3)]
    [InlineData("F16", 1)]
    [InlineData("BF16", 2)]
    public void A_model_is_the_same_in_either_form(string type, int shards)
    {
        using var safe = new TemporaryDirectory();
        using var torch = new TemporaryDirectory();
        var model = type == "F32" ? TinyModel.Gpt2() : TinyModel.Llama().As(type);
        model.Write(safe.Path);
        model.WriteTorch(torch.Path, shards);
        using var expected = ModelLoader.Load(safe.Path);
        using var actual = ModelLoader.Load(torch.Path);
        Assert.Equal(expected.FinalNormScale, actual.FinalNormScale);
        Assert.Equal(Rows(expected.Embedding), Rows(actual.Embedding));
        foreach (var (left, right) in expected.Layers.Zip(actual.Layers))
        {
            Assert.Equal(Rows(left.QueryKeyValue), Rows(right.QueryKeyValue));
            Assert.Equal(left.QueryKeyValue.Precision, right.QueryKeyValue.Precision);
            Assert.Equal(Rows(left.Down), Rows(right.Down));
        }
        Assert.NotEqual(expected.Hash, actual.Hash);
        using var again = ModelLoader.Load(torch.Path);
        Assert.Equal(again.Hash, actual.Hash);
    }

    private static float[] Rows(MatrixSource matrix)
    {
        var values = new float[matrix.Inputs * matrix.Outputs];
        matrix.ReadStoredRows(0, matrix.StoredTransposed ? matrix.Outputs : matrix.Inputs, values);
        return values;
    }

    [Fact]
    public void Weights_may_be_views_of_one_storage()
    {
        using var plain = new TemporaryDirectory();
        using var views = new TemporaryDirectory();
        var model = TinyModel.Gpt2();
        model.Write(plain.Path);
        // Every tensor in one storage, the matrices stored transposed, the unembedding tied to the embedding.
        var floats = new List<float>();
        var items = new List<(string, object?)>();
        var count = model.Tensors.Sum(tensor => tensor.Bytes.Length / 4);
        foreach (var tensor in model.Tensors)
        {
            var values = MemoryMarshal.Cast<byte, float>(tensor.Bytes).ToArray();
            var isMatrix = tensor.Name.EndsWith("c_attn.weight", StringComparison.Ordinal);
            var view = TorchWriter.ViewOf(tensor, 0) with { Storage = new("0", "FloatStorage", count), Offset = floats.Count };
            if (isMatrix)
            {
                view = view with { Strides = [1, tensor.Shape[0]] };
                values = [.. Enumerable.Range(0, values.Length).Select(i => values[i % (int)tensor.Shape[0] * (int)tensor.Shape[1] + i / (int)tensor.Shape[0]])];
            }
            items.Add((tensor.Name, view));
            if (tensor.Name == "transformer.wte.weight") items.Add(("lm_head.weight", view));
            floats.AddRange(values);
        }
        File.Copy(plain.File("config.json"), views.File("config.json"));
        TorchWriter.Save(views.File("pytorch_model.bin"), new Ordered(items), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(floats)).ToArray());
        using var expected = ModelLoader.Load(plain.Path);
        using var actual = ModelLoader.Load(views.Path);
        Assert.Equal(Rows(expected.Layers[1].QueryKeyValue), Rows(actual.Layers[1].QueryKeyValue));
        Assert.Equal(Rows(expected.Unembedding), Rows(actual.Unembedding));

        // A fault in a view that is not row by row, and in one whose bytes another has.
        floats[(int)((View)items.Single(item => item.Item1 == "transformer.h.1.attn.c_attn.weight").Item2!).Offset + 9] = float.NaN;
        TorchWriter.Save(views.File("pytorch_model.bin"), new Ordered(items), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(floats)).ToArray());
        Assert.Contains("tensor 'transformer.h.1.attn.c_attn.weight' is not a number at [1, 1]", Assert.Throws<InputException>(() => ModelLoader.Load(views.Path).Dispose()).Message);
    }

    [Fact]
    public void Safetensors_go_first_and_any_name_will_do_for_the_only_one()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        File.WriteAllText(directory.File("pytorch_model.bin"), "not read");
        ModelLoader.Load(directory.Path).Dispose();

        File.Delete(directory.File("model.safetensors"));
        TinyModel.Gpt2().WriteTorch(directory.Path);
        ModelLoader.Load(directory.Path).Dispose();
        File.Move(directory.File("pytorch_model.bin"), directory.File("final.pth"));
        File.WriteAllText(directory.File("training_args.bin"), "not read");
        File.WriteAllText(directory.File("optimizer.pt"), "not read");
        ModelLoader.Load(directory.Path).Dispose();
        File.Copy(directory.File("final.pth"), directory.File("other.pth"));
        Assert.EndsWith("if 'final.pth' or another of its kind holds the whole model, name it pytorch_model.bin",
            Assert.Throws<InputException>(() => ModelLoader.Load(directory.Path).Dispose()).Message);
    }

    [Theory]
    [InlineData("state_dict")]
    [InlineData("model")]
    public void Tensors_may_be_held_under_a_name(string name)
    {
        using var directory = new TemporaryDirectory();
        var tensor = TensorData.F32("w", [2, 3], Six);
        TorchWriter.Save(directory.File("a.pt"), new Dictionary<string, object?> { ["epoch"] = 3, [name] = new Ordered([("w", TorchWriter.ViewOf(tensor, 0))]) }, tensor.Bytes);
        using var file = TorchFile.OpenCheckpoint(directory.File("a.pt"));
        Assert.Equal(Six, Values(Assert.Single(file.Tensors)));
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("torch.nn.modules.linear", "Linear")]
    public void Anything_but_data_is_refused_by_name(string module, string name)
    {
        var message = Fault(new Dictionary<string, object?> { ["a"] = new Called(new(module, name), "touch owned") });
        Assert.Contains($"data.pkl: names '{module}.{name}'", message);
        Assert.Contains("nothing in a file is ever executed", message);
    }

    [Fact]
    public void Other_forms_of_PyTorch_are_refused_with_what_to_do()
    {
        Assert.Contains("is a PyTorch file of the old form, before 1.6", Fault(Real("old.bin")));
        Assert.Contains("names 'torch.nn.modules.linear.Linear'", Fault(Real("module.pt")));
        Assert.Contains("torch.save(model.state_dict(), path)", Fault(new Dictionary<string, object?> { ["a"] = 3 }));
        Assert.Contains("torch.save(model.state_dict(), path)", Fault(7));
        using var directory = new TemporaryDirectory();
        foreach (var (bytes, expected) in new (byte[], string)[]
        {
            ([0x80, 4, (byte)'N', (byte)'.'], "is a Python pickle"),
            ([.. "GGUF"u8, 3, 0, 0, 0], "is a GGUF file"),
            ([.. "version https://git-lfs.github.com/spec/v1\n"u8], "is a Git LFS pointer"),
            ([1, 2, 3], "is not a file that torch.save writes"),
        })
        {
            File.WriteAllBytes(directory.File("a.bin"), bytes);
            Assert.Contains(expected, Fault(directory.File("a.bin")));
        }
    }

    [Fact]
    public void Archives_are_checked()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("a.bin");
        var tensor = TensorData.F32("w", [2, 3], Six);
        var pickle = PickleWriter.Write(new Ordered([("w", TorchWriter.ViewOf(tensor, 0))]));
        File.WriteAllBytes(path, TorchWriter.Archive(pickle, [tensor.Bytes], ofPickle: CompressionLevel.Optimal));
        using (var file = TorchFile.OpenCheckpoint(path)) Assert.Equal(Six, Values(file.Tensors[0]));
        File.WriteAllBytes(path, TorchWriter.Archive(pickle, [new byte[24]], ofStorages: CompressionLevel.Optimal));
        Assert.Contains("'archive/data/0' is compressed or encrypted", Fault(path));
        File.WriteAllBytes(path, TorchWriter.Archive(pickle, []));
        Assert.Contains("storage '0' is missing", Fault(path));
        File.WriteAllBytes(path, TorchWriter.Archive(pickle, [new byte[23]]));
        Assert.Contains("a storage of 6 elements of F32, which the 23 bytes of it do not hold", Fault(path));

        void Zip(params string[] names)
        {
            File.Delete(path);
            using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
            foreach (var name in names)
            {
                using var entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(name.EndsWith("byteorder", StringComparison.Ordinal) ? "big"u8.ToArray() : pickle);
            }
        }
        Zip("xl/workbook.xml");
        Assert.Contains("it holds no NAME/data.pkl", Fault(path));
        Zip("a/data.pkl", "b/data.pkl");
        Assert.Contains("it holds more than one NAME/data.pkl", Fault(path));
        Zip("a/data.pkl", "a/data.pkl");
        Assert.Contains("holds 'a/data.pkl' twice", Fault(path));
        Zip("a/data.pkl", "a/constants.pkl");
        Assert.Contains("is a TorchScript program", Fault(path));
        Zip("a/data.pkl", "a/byteorder");
        Assert.Contains("the other byte order", Fault(path));
    }

    [Theory]
    [InlineData(0, new[] { 2L, 3 }, new[] { 3L, 1 }, null)]
    [InlineData(0, new[] { 3L, 2 }, new[] { 1L, 3 }, null)]
    [InlineData(1, new[] { 2L, 3 }, new[] { 3L, 1 }, "of shape [2, 3] leaves its storage of 6 elements")]
    [InlineData(0, new[] { 2L, 3 }, new[] { 4L, 1 }, "leaves its storage")]
    [InlineData(-1, new[] { 2L }, new[] { 1L }, "leaves its storage")]
    [InlineData(0, new[] { 2L, 3 }, new[] { 1L }, "has 2 dimensions and 1 strides")]
    [InlineData(0, new[] { -2L, 3 }, new[] { 3L, 1 }, "must be whole numbers of at least 0")]
    [InlineData(0, new[] { 2L, 3 }, new[] { -3L, 1 }, "must be whole numbers of at least 0")]
    [InlineData(0, new[] { long.MaxValue, 3 }, new[] { 0L, 1 }, "too large")]
    [InlineData(0, new[] { 2L, 2 }, new[] { long.MaxValue, 1 }, "too large")]
    [InlineData(long.MaxValue, new[] { 1L }, new[] { 1L }, "leaves its storage")]
    [InlineData(long.MaxValue, new[] { 0L }, new[] { 1L }, null)]
    public void Views_stay_inside_their_storage(long offset, long[] shape, long[] strides, string? expected)
    {
        var tensor = TensorData.F32("w", [6], Six);
        var root = new Ordered([("w", new View(TorchWriter.StorageOf(tensor, 0), offset, shape, strides))]);
        if (expected is not null)
        {
            Assert.Contains(expected, Fault(root, tensor.Bytes));
            return;
        }
        using var directory = new TemporaryDirectory();
        TorchWriter.Save(directory.File("a.pth"), root, tensor.Bytes);
        using var file = TorchFile.OpenCheckpoint(directory.File("a.pth"));
        Assert.Equal(shape.Aggregate(1L, (a, b) => a * b), Values(file.Tensors[0]).Length);
    }

    [Fact]
    public void Pickles_are_checked()
    {
        Assert.Contains("is not a pickle", PickleFault());
        Assert.Contains("is not a pickle", PickleFault(0x80, 6, (byte)'N', (byte)'.'));
        Assert.Contains("ends in the middle", PickleFault(0x80, 2, (byte)'N'));
        Assert.Contains("ends in the middle", PickleFault(0x80, 2, (byte)'X', 255, 255, 255, 255));
        Assert.Contains("ends in the middle", PickleFault(0x80, 2, 0x8d, 255, 255, 255, 255, 255, 255, 255, 255));
        Assert.Contains("ends in the middle", PickleFault(0x80, 2, (byte)'c', (byte)'a'));
        Assert.Contains("not valid UTF-8", PickleFault(0x80, 2, (byte)'X', 1, 0, 0, 0, 255));
        Assert.Contains("the instruction 0x69", PickleFault(0x80, 2, (byte)'i'));
        Assert.Contains("9 bytes", PickleFault([0x80, 2, 0x8a, 9, .. new byte[9], (byte)'.']));
        foreach (var malformed in ((string[])[".", "0", "1", "a", "Na", "(Na", "s", "]NNs", "(NNNu", "}(Nu", "R", "NNR", "Nb", "NNb", "h\u0005", "t", "(."]))
            Assert.Contains("malformed", PickleFault([0x80, 2, .. malformed.Select(c => (byte)c)]));
        Assert.Contains("nested more than 1000 deep", PickleFault([0x80, 2, .. Enumerable.Repeat((byte)'(', 2000)]));
        Assert.Contains("more than 1048576 values", PickleFault([0x80, 2, .. Enumerable.Repeat((byte)'}', 2_000_000)]));
        Assert.Contains("more than 1048576 values", PickleFault([0x80, 2, (byte)'N', .. Enumerable.Repeat((byte)0x94, 2_000_000)]));
    }

    [Fact]
    public void A_list_that_holds_itself_is_read()
    {
        var list = Assert.IsType<List<object?>>(PickleReader.Read([0x80, 2, (byte)']', (byte)'q', 0, (byte)'h', 0, (byte)'a', (byte)'.'], "here", _ => true, ""));
        Assert.Same(list, list[0]);
    }
}
